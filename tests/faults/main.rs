//! Faults of the service under test, each made as an operator or a release could make it: by configuration, by SQL, on
//! the wire. The gate that claims to see it must be red in the pack, by the assertions that say so.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod house;

use house::{Fault, House};

/// Gates that are looked at, and nothing that they need besides.
const GATES: &[&str] = &["RLS", "AUTH", "EG8.2a", "EG8.2b", "EG8.3a", "EG8.4"];

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
        let broken = house.broken(gate);
        for name in *by {
            assert!(
                broken.iter().any(|one| one == name),
                "{gate}: {name} is not broken, but {broken:?}"
            );
        }
        assert_eq!(house.outcome(gate), "fail", "{gate}");
    }
}

/// The control of this file: what stands beside the faults holds without them.
#[test]
fn a_system_without_a_fault_is_red_nowhere() {
    let house = House::with(GATES, &[]);
    for gate in GATES {
        assert_eq!(house.broken(gate), Vec::<String>::new(), "{gate}");
    }
}

#[test]
fn faults_made_by_configuration_and_by_sql_are_red_where_the_catalogue_says() {
    let house = House::with(
        GATES,
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
        ],
    );
    assert_red(
        &house,
        &[
            red("EG8.3a", &["half_opens"]),
            red("RLS", &["forced"]),
            red("EG8.2a", &["shared_out"]),
            red("EG8.2b", &["entered"]),
        ],
    );
}

#[test]
fn faults_on_the_wire_are_red_where_the_catalogue_says() {
    let house = House::with(
        &["AUTH"],
        &[
            // Whatever is signed, and however, is believed.
            Fault::Wire {
                gate: "AUTH",
                proxy: "service = \"api\", match = \"POST /api/webhooks/*\", reply = { status = 200, json = { status = \"success\" } }",
            },
        ],
    );
    assert_red(&house, &[red("AUTH", &["turned_away", "stale"])]);
}
