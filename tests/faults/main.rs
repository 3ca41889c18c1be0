//! Faults of the service under test, each made as an operator or a release could make it: by configuration, by SQL, on
//! the wire. The gate that claims to see it must be red in the pack, by the assertions that say so.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../shared/copy.rs"]
mod copy;
mod house;

use house::{Fault, House};

/// Gates that are looked at, and nothing that they need besides.
const GATES: &[&str] = &["RLS", "AUTH", "EG8.2a", "EG8.2b", "EG8.3", "EG8.3a", "EG8.4"];

/// What a fault must turn red, at least.
struct Red {
    gate: &'static str,
    by: &'static [&'static str],
}

const fn red(gate: &'static str, by: &'static [&'static str]) -> Red {
    Red { gate, by }
}

#[track_caller]
fn assert_red(house: &House, reds: &[Red]) {
    for Red { gate, by } in reds {
        let standings = house.standings(gate);
        for name in *by {
            assert!(
                standings
                    .iter()
                    .any(|(one, standing)| one == name && standing == "broken"),
                "{gate}: {name} is not broken: {standings:?}"
            );
        }
        assert_eq!(house.outcome(gate), "fail", "{gate}");
    }
}

/// The control of this file: whatever stands beside the faults holds without them, and was looked at.
#[test]
fn a_system_without_a_fault_is_red_nowhere() {
    let house = House::with(GATES, &[]);
    for gate in GATES {
        for (assertion, standing) in house.standings(gate) {
            assert_eq!(standing, "held", "{gate}.{assertion}");
        }
        assert_eq!(house.outcome(gate), "unproven", "{gate}: nothing was done to it");
    }
}

#[test]
fn faults_made_by_configuration_and_by_sql_are_red_where_the_catalogue_says() {
    let house = House::with(
        &["RLS", "EG8.2a", "EG8.2b", "EG8.3a", "EG8.4"],
        &[
            // A breaker that is never half-open.
            Fault::Configured {
                from: "LLM_BREAKER_OPEN_SECONDS: \"2\"",
                to: "LLM_BREAKER_OPEN_SECONDS: \"3600\"",
            },
            // Row security is off on one table.
            Fault::Sql("alter table revenue_ledger disable row level security"),
            // A recompute says that it succeeded, and stores no share.
            Fault::Sql(
                "create function fault_nothing() returns trigger language plpgsql as $$ begin return null; end $$",
            ),
            Fault::Sql(
                "create trigger fault_nothing before insert on attribution_allocations
                   for each row execute function fault_nothing()",
            ),
            // A sync is promised, and none of its entries is kept.
            Fault::Sql(
                "create trigger fault_nothing before insert on revenue_ledger
                   for each row execute function fault_nothing()",
            ),
            // A request that comes twice is booked twice.
            Fault::Sql("alter table llm_api_calls drop constraint one_row_per_request"),
            Fault::Sql(
                "do $$ begin execute replace(pg_get_functiondef('claim_llm_call'::regproc),
                   'on conflict on constraint one_row_per_request do nothing', ''); end $$",
            ),
            // An answer out of the cache is billed, although nobody was paid for it.
            Fault::Sql("alter table llm_api_calls drop constraint paid_for_an_answer_only"),
            Fault::Sql(
                "create function fault_billed() returns trigger language plpgsql as $$
                   begin
                     if new.was_cached then new.cost_cents := 1; end if;
                     return new;
                   end $$",
            ),
            Fault::Sql(
                "create trigger fault_billed before update on llm_api_calls
                   for each row execute function fault_billed()",
            ),
        ],
    );
    assert_red(
        &house,
        &[
            red("EG8.3a", &["half_opens"]),
            red("RLS", &["forced"]),
            red("EG8.2a", &["shared_out"]),
            red("EG8.2b", &["entered"]),
            red("EG8.4", &["books_still", "told_again", "cached_free"]),
        ],
    );
}

#[test]
fn faults_on_the_wire_and_in_the_workers_limits_are_red_where_the_catalogue_says() {
    let house = House::with(
        &["AUTH", "EG8.2a", "EG8.2b", "EG8.3", "EG8.6"],
        &[
            // Whatever is signed, and however, is believed; and whenever it was.
            Fault::Wire {
                gate: "AUTH",
                proxy: "service = \"api\", match = \"POST /api/webhooks/shopify/*\", reply = { status = 200, json = { status = \"success\" } }",
            },
            Fault::Wire {
                gate: "AUTH",
                proxy: "service = \"api\", match = \"POST /api/webhooks/paypal/*\", reply = { status = 200, json = { status = \"success\" } }",
            },
            // Nobody looks at the token that somebody bears.
            Fault::Wire {
                gate: "AUTH",
                proxy: "service = \"api\", match = \"GET /api/reconciliation/status\", reply = { status = 200, json = { platforms = [{ platform_name = \"Stripe\" }] } }",
            },
            // One tenant's token is told of another's work.
            Fault::Wire {
                gate: "AUTH",
                proxy: "service = \"api\", match = \"GET /api/tasks/*\", reply = { status = 200, json = { name = \"attribution.recompute_window\" } }",
            },
            // A sync is promised, and there is no run.
            Fault::Wire {
                gate: "EG8.2b",
                proxy: "service = \"api\", match = \"POST /api/reconciliation/sync\", reply = { status = 202, json = { sync_id = \"7d1f4f5e-5d0c-4d0a-9d0c-0f6f7f1f2f3f\", status = \"queued\" } }",
            },
            // One field of one answer is not sent, and one of another is of another type.
            Fault::Wire {
                gate: "EG8.6",
                proxy: "service = \"api\", match = \"GET /health/ready\", edit = { remove = \"/status\" }",
            },
            Fault::Wire {
                gate: "EG8.6",
                proxy: "service = \"api\", match = \"GET /health/worker\", edit = { replace = \"/age_ms\", with = \"young\" }",
            },
            // The worker lets an inference run for as long as it likes.
            Fault::Configured {
                from: "BAYESIAN_SOFT_LIMIT_SECONDS: \"3\"",
                to: "BAYESIAN_SOFT_LIMIT_SECONDS: \"270\"",
            },
            Fault::Configured {
                from: "BAYESIAN_HARD_LIMIT_SECONDS: \"4\"",
                to: "BAYESIAN_HARD_LIMIT_SECONDS: \"300\"",
            },
        ],
    );
    assert_red(
        &house,
        &[
            red("AUTH", &["turned_away", "stale", "kept_out", "not_anothers"]),
            red("EG8.2b", &["one_run"]),
            red("EG8.6", &["all_valid"]),
            // They are not over when they must be; what else there is to say of their end is unreached.
            red("EG8.3", &["ended", "recorded"]),
        ],
    );
}
