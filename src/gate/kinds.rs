//! The kinds of look and of change this version carries out, as data: parameters, their types, and what is observed.
//!
//! The reader checks gates against these tables, and the rooms that act read the same ones.

use super::types::{
    Choice, Key, Kind,
    Sees::{self, Any, Fields, Leaf, List, Map},
    Type, at_most, may, must, one_of,
};

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The change of that name.
pub fn change(name: &str) -> Option<&'static Kind> {
    CHANGES.iter().find(|kind| kind.name == name)
}

/// Fields every observation has.
pub const ALWAYS_SEEN: &[(&str, Sees)] = &[("t_ms", Leaf)];

/// Fields an observation has when its probe has an `until`.
pub const SEEN_UNTIL: &[(&str, Sees)] = &[("settled", Leaf), ("settled_ms", Leaf), ("looks", Leaf)];

/// The parameters of one HTTP request: of kind `http`, and of every class of a load.
pub const REQUEST: &[Key] = &[
    must("request", Type::Request),
    may("headers", Type::Headers),
    may("json", Type::Any),
    may("body", Type::Text),
    may("expect", Type::OneOf(&["json", "text", "metrics"])),
    may("timeout", Type::Duration),
];

/// A request that makes a change, or takes it back: its answer is looked at for its status alone.
const SENT: &[Key] = &[
    must("request", Type::Request),
    may("headers", Type::Headers),
    may("json", Type::Any),
    may("body", Type::Text),
    may("timeout", Type::Duration),
];

/// The same, with the request that undoes it.
const SENT_AND_UNDONE: &[Key] = &[
    SENT[0],
    SENT[1],
    SENT[2],
    SENT[3],
    SENT[4],
    must("undo", Type::Fields(SENT)),
];

/// What a proxy answers in a service's place.
const REPLY: &[Key] = &[
    must("status", Type::Count),
    may("headers", Type::Map(&Type::Text)),
    may("json", Type::Any),
    may("body", Type::Text),
];

/// What a proxy does to a JSON answer: to the part that a JSON pointer points at.
const EDIT: &[Key] = &[
    may("remove", Type::Pointer),
    may("replace", Type::Pointer),
    may("with", Type::Any),
];

pub(super) const ONE_BODY: Choice = at_most(&[&["json"], &["body"]]);

/// An edit takes one part out, or puts one in.
pub(super) const ONE_EDIT: Choice = one_of(&[&["remove"], &["replace", "with"]]);

/// The ways in which a scan can look for a value.
pub const ENCODINGS: &[&str] = &["plain", "base64", "base64url", "url", "json", "hex", "gzip"];

/// The kinds of look.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "http",
        params: REQUEST,
        choices: &[ONE_BODY],
        sees: &[
            ("status", Leaf),
            ("error", Leaf),
            ("ms", Leaf),
            ("headers", Map(&Leaf)),
            ("json", Any),
            ("text", Leaf),
            (
                "samples",
                List(&Fields(&[
                    ("name", Leaf),
                    ("labels", Map(&Leaf)),
                    ("value", Leaf),
                ])),
            ),
            ("types", Map(&Leaf)),
            ("sent", Any),
        ],
        repeats: true,
        span: false,
    },
    Kind {
        name: "sql",
        params: &[
            may("query", Type::Open),
            may("file", Type::File),
            may("db", Type::Database),
            may("inside", Type::Service),
            may("dsn_env", Type::Constant),
            may("on", Type::OnClone),
            may("bind", Type::Map(&Type::Any)),
            may("context", Type::Map(&Type::Text)),
            may("first", Type::List(&Type::Open)),
            may("writes", Type::Bool),
            may("limit", Type::Count),
        ],
        choices: &[
            one_of(&[&["query"], &["file"]]),
            one_of(&[&["db"], &["inside", "dsn_env"]]),
        ],
        sees: &[
            ("sqlstate", Leaf),
            ("error", Leaf),
            ("columns", List(&Leaf)),
            ("rows", List(&Any)),
            ("row", Any),
            ("count", Leaf),
            ("ms", Leaf),
        ],
        repeats: true,
        span: false,
    },
    Kind {
        name: "service",
        params: &[must("service", Type::Services)],
        choices: &[],
        sees: &[("services", List(&SERVICE))],
        repeats: true,
        span: false,
    },
    Kind {
        name: "startup",
        params: &[
            may("services", Type::List(&Type::Service)),
            may("alone", Type::Bool),
            may("set", Type::Settings),
            may("unset", Type::List(&Type::Setting)),
            may("override", Type::File),
            may("within", Type::Duration),
        ],
        choices: &[],
        sees: &[
            ("refused_by", Leaf),
            ("message", Leaf),
            ("services", List(&SERVICE)),
        ],
        repeats: false,
        span: false,
    },
    Kind {
        name: "change",
        params: &[must("make", Type::Changes), may("hold", Type::Duration)],
        choices: &[],
        sees: &[
            ("landed", Leaf),
            ("undone", Leaf),
            ("made_ms", Leaf),
            ("landed_ms", Leaf),
            ("undo_ms", Leaf),
            ("undone_ms", Leaf),
            ("exit_code", Leaf),
            (
                "witness",
                Fields(&[("before", Any), ("after", Any), ("undone", Any)]),
            ),
        ],
        repeats: false,
        span: true,
    },
    Kind {
        name: "load",
        params: &[
            may("rps", Type::Number),
            may("seconds", Type::Number),
            may("burst", Type::Number),
            must("class", Type::Classes),
            may("in_flight", Type::Count),
            may("target", Type::Fields(TARGET)),
            may("raw", Type::Constant),
        ],
        choices: &[one_of(&[&["rps", "seconds"], &["burst"]])],
        sees: LOAD,
        repeats: false,
        span: true,
    },
    Kind {
        name: "conserve",
        params: &[
            must("load", Type::Load),
            must("db", Type::Database),
            must("canonical", Type::Open),
            must("dead", Type::Open),
            may("bind", Type::Map(&Type::Any)),
        ],
        choices: &[],
        sees: &[
            ("canonical", Leaf),
            ("suppressed", Leaf),
            ("dead", Leaf),
            ("rejected", Leaf),
            ("failed", Leaf),
            ("lost", List(&Any)),
            ("unexpected", List(&Any)),
            ("duplicated", List(&Any)),
            ("unacknowledged", List(&Any)),
            ("residual", Leaf),
            (
                "cents",
                Fields(&[("expected", Leaf), ("found", Leaf), ("wrong", List(&Any))]),
            ),
        ],
        repeats: true,
        span: false,
    },
    Kind {
        name: "scan",
        params: &[
            must("needles", Type::List(&Type::Open)),
            may("tables", Type::Fields(&[must("db", Type::Database)])),
            may("logs", Type::List(&Type::Services)),
            may("record", Type::Bool),
            may("encodings", Type::List(&Type::OneOf(ENCODINGS))),
        ],
        choices: &[],
        sees: &[
            (
                "haystacks",
                List(&Fields(&[
                    ("name", Leaf),
                    ("kind", Leaf),
                    ("bytes", Leaf),
                    ("rows", Leaf),
                    ("columns", List(&Leaf)),
                    (
                        "hits",
                        List(&Fields(&[
                            ("needle", Leaf),
                            ("encoding", Leaf),
                            ("where", Leaf),
                            ("times", Leaf),
                        ])),
                    ),
                ])),
            ),
            (
                "needles",
                List(&Fields(&[
                    ("name", Leaf),
                    ("planted", Leaf),
                    ("unseen_in_sink", List(&Leaf)),
                ])),
            ),
        ],
        repeats: true,
        span: false,
    },
    Kind {
        name: "contract",
        params: &[
            must("spec", Type::Document),
            must("service", Type::Service),
            must("exchanges", Type::OneOf(&["run", "gate"])),
            may("mutants", Type::Count),
        ],
        choices: &[],
        sees: CONTRACT,
        repeats: false,
        span: false,
    },
    Kind {
        name: "file",
        params: &[
            must("path", Type::Constant),
            must("as", Type::OneOf(&["json", "toml", "text"])),
        ],
        choices: &[],
        sees: &[("path", Leaf), ("sha256", Leaf), ("json", Any), ("text", Leaf)],
        repeats: true,
        span: false,
    },
    Kind {
        name: "exec",
        params: &[
            must("run", Type::List(&Type::Text)),
            must("inside", Type::Service),
            may("input", Type::Any),
            may("timeout", Type::Duration),
        ],
        choices: &[],
        sees: &[
            ("exit", Leaf),
            ("value", Any),
            ("stdout", Leaf),
            ("stderr", Leaf),
            ("ms", Leaf),
        ],
        repeats: true,
        span: false,
    },
    Kind {
        name: "pack",
        params: &[
            may("wounds", Type::List(&Type::Words)),
            may("between", Type::OneOf(&["nothing", "touch", "truncate"])),
        ],
        choices: &[],
        sees: &[
            ("first", Any),
            ("second", Any),
            ("whole", Any),
            (
                "wounds",
                List(&Fields(&[("name", Leaf), ("expected", Any), ("found", Any)])),
            ),
        ],
        repeats: false,
        span: false,
    },
];

/// The kinds of change, of controls and of probes of kind `change`.
pub const CHANGES: &[Kind] = &[
    of_change(
        "env",
        &[
            must("service", Type::Service),
            may("set", Type::Map(&Type::Text)),
            may("unset", Type::List(&Type::Text)),
        ],
        &[],
    ),
    of_change(
        "service",
        &[
            must("service", Type::Service),
            must(
                "action",
                Type::OneOf(&["stop", "kill", "pause", "restart", "disconnect"]),
            ),
        ],
        &[],
    ),
    of_change("compose", &[must("override", Type::File)], &[]),
    of_change(
        "sql",
        &[
            must("db", Type::Database),
            may("query", Type::Open),
            may("file", Type::File),
            may("on", Type::OnClone),
            may("bind", Type::Map(&Type::Any)),
            may("undo", Type::Open),
            may("undo_file", Type::File),
        ],
        &[
            one_of(&[&["query"], &["file"]]),
            at_most(&[&["undo"], &["undo_file"]]),
        ],
    ),
    of_change("http", SENT_AND_UNDONE, &[ONE_BODY]),
    of_change(
        "proxy",
        &[
            must("service", Type::Service),
            must("match", Type::Pattern),
            may("reply", Type::Fields(REPLY)),
            may("edit", Type::Fields(EDIT)),
            may("delay", Type::Duration),
            may("freeze", Type::Bool),
            may("share", Type::Number),
        ],
        &[one_of(&[&["reply"], &["edit"], &["delay"], &["freeze"]])],
    ),
    of_change(
        "probe",
        &[must("probe", Type::Probe), must("set", Type::Map(&Type::Any))],
        &[],
    ),
    of_change(
        "plant",
        &[must("log", Type::Service), must("text", Type::Text)],
        &[],
    ),
];

const fn of_change(name: &'static str, params: &'static [Key], choices: &'static [Choice]) -> Kind {
    Kind {
        name,
        params,
        choices,
        sees: &[],
        repeats: false,
        span: false,
    }
}

/// What one class of a load says about its arrivals, beside the request itself.
pub const CLASS: &[Key] = &[
    must("name", Type::Name),
    may("kind", Type::OneOf(&["http"])),
    may("count", Type::Sentence),
    may("lands", Type::OneOf(&["canonical", "dead", "refused"])),
    may("same_key", Type::Bool),
    may("burst", Type::Count),
];

/// A target inside closure: how it misbehaves, so that one can tell whether the meter sees it.
const TARGET: &[Key] = &[
    may("stall_at", Type::Duration),
    may("stall_for", Type::Duration),
    may("error_share", Type::Number),
    may("delay", Type::Duration),
];

/// A cell of operation, status and media type.
const CELL: [(&str, Sees); 3] = [("operation", Leaf), ("status", Leaf), ("media", Leaf)];

const CONTRACT: &[(&str, Sees)] = &[
    (
        "asked",
        Fields(&[
            ("spec", Leaf),
            ("service", Leaf),
            ("exchanges", Leaf),
            ("mutants", Leaf),
            ("pass", Leaf),
            ("lines", Leaf),
        ]),
    ),
    (
        "cells",
        List(&Fields(&[
            CELL[0],
            CELL[1],
            CELL[2],
            ("declared", Leaf),
            ("seen", Leaf),
            ("validated", Leaf),
            ("violations", Leaf),
        ])),
    ),
    (
        "undeclared",
        List(&Fields(&[
            CELL[0],
            CELL[1],
            CELL[2],
            ("what", Leaf),
            ("seen", Leaf),
            ("asked_by", Leaf),
        ])),
    ),
    ("unexercised", List(&Fields(&CELL))),
    ("open_cells", List(&Leaf)),
    (
        "mutants",
        List(&Fields(&[
            ("keyword", Leaf),
            ("made", Leaf),
            ("rejected", Leaf),
            ("accepted", List(&Leaf)),
        ])),
    ),
    ("unanswered", Leaf),
    ("excused", Leaf),
    (
        "violations",
        List(&Fields(&[
            CELL[0],
            CELL[1],
            CELL[2],
            ("part", Leaf),
            ("where", Leaf),
            ("keyword", Leaf),
            ("message", Leaf),
            ("line", Leaf),
            ("asked_by", Leaf),
        ])),
    ),
    (
        "skipped",
        List(&Fields(&[
            CELL[0],
            CELL[1],
            ("why", Leaf),
            ("line", Leaf),
            ("asked_by", Leaf),
        ])),
    ),
];

const SERVICE: Sees = Fields(&[
    ("name", Leaf),
    ("state", Leaf),
    ("health", Leaf),
    ("exit_code", Leaf),
    ("image", Leaf),
    ("image_id", Leaf),
    ("digest", Leaf),
    ("pid", Leaf),
    ("started_at", Leaf),
    ("restarts", Leaf),
    ("env", Map(&Leaf)),
    ("sockets", List(&Leaf)),
    ("listens", List(&Leaf)),
    ("rss_kib", Leaf),
    ("cpu_pct", Leaf),
    ("fds", Leaf),
    ("mem_kib", Leaf),
    ("mem_limit_kib", Leaf),
    ("pids", Leaf),
    ("pids_limit", Leaf),
    ("throttled_periods", Leaf),
    ("networks", List(&Leaf)),
    ("took_ms", Leaf),
    ("last_words", Leaf),
]);

const LATENCY: Sees = Fields(&[
    ("p50_ms", Leaf),
    ("p90_ms", Leaf),
    ("p95_ms", Leaf),
    ("p99_ms", Leaf),
    ("p999_ms", Leaf),
    ("max_ms", Leaf),
]);

const LOAD: &[(&str, Sees)] = &[
    ("target_rps", Leaf),
    ("seconds", Leaf),
    ("planned", Leaf),
    ("sent", Leaf),
    ("answered", Leaf),
    ("dropped", Leaf),
    ("timeouts", Leaf),
    ("broken", Leaf),
    ("status", Map(&Leaf)),
    (
        "late",
        Fields(&[("p50_ms", Leaf), ("p99_ms", Leaf), ("max_ms", Leaf)]),
    ),
    (
        "latency",
        Fields(&[
            ("intended", LATENCY),
            ("actual", LATENCY),
            ("first_half", LATENCY),
            ("second_half", LATENCY),
        ]),
    ),
    ("over_ms", Map(&Leaf)),
    ("per_second", List(&Leaf)),
    (
        "by_second",
        List(&Fields(&[
            ("t_ms", Leaf),
            ("sent", Leaf),
            ("answered", Leaf),
            ("status", Map(&Leaf)),
            ("p95_ms", Leaf),
        ])),
    ),
    ("classes", Map(&Any)),
    ("window", Fields(&[("from", Leaf), ("to", Leaf)])),
    ("begin_ms", Leaf),
    ("end_ms", Leaf),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CHANGES, KINDS};

    #[test]
    fn every_kind_is_listed_once_and_its_choices_are_parameters() {
        for kinds in [KINDS, CHANGES] {
            let names: BTreeSet<_> = kinds.iter().map(|k| k.name).collect();
            assert_eq!(names.len(), kinds.len());
            for kind in kinds {
                let params: BTreeSet<_> = kind.params.iter().map(|p| p.name).collect();
                assert_eq!(params.len(), kind.params.len(), "{}", kind.name);
                let chosen = kind
                    .choices
                    .iter()
                    .flat_map(|choice| choice.among.iter().copied().flatten());
                assert!(chosen.copied().all(|name| params.contains(name)), "{}", kind.name);
            }
        }
    }
}
