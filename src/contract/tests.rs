//! Contracts against exchanges, down to the observation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, Reach, lines, observe};
use crate::{digest::Digest, exchange::Exchange};

/// A small contract: notes that are kept, and read again.
fn contract() -> Value {
    let json = |name: &str| json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
    let problem = json!({"description": "", "content": {"application/problem+json": json("Problem")}});
    let note = json!({
        "description": "",
        "headers": {"X-Trace": {"required": true, "schema": {"type": "string", "format": "uuid"}}, "Age": {"schema": {"type": "integer", "minimum": 0}}},
        "content": {"application/json": json("Note")},
    });
    json!({
        "openapi": "3.1.0",
        "info": {"title": "notes", "version": "1"},
        "paths": {
            "/notes/{id}": {
                "get": {"responses": {"200": note, "304": {"description": ""}, "404": problem, "5XX": problem}},
            },
            "/metrics": {"get": {"responses": {"200": {"description": "", "content": {"text/plain; version=0.0.4": {"schema": {"type": "string", "minLength": 3}}}}}}},
        },
        "components": {"schemas": {
            "Note": {
                "type": "object",
                "required": ["id", "mood", "kept"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "mood": {"type": "string", "enum": ["calm", "cross"]},
                    "kept": {"type": "integer", "minimum": 1, "maximum": 9},
                    "tags": {"type": ["array", "null"], "items": {"type": "string", "maxLength": 5}, "maxItems": 2},
                },
                "additionalProperties": false,
            },
            "Problem": {"type": "object", "required": ["status"], "properties": {"status": {"type": "integer"}}, "additionalProperties": false},
        }},
    })
}

const ID: &str = "7b4fcf3b-2b3c-4f6e-9d2d-3c8a5b1f0a11";

fn answer(path: &str, status: u16, media: &str, body: &str) -> Exchange {
    let headers = [("content-type", media), ("x-trace", ID)];
    Exchange {
        asked_by: "A/pass/look".into(),
        service: "api".into(),
        method: "GET".into(),
        path: path.into(),
        request_headers: Vec::new(),
        request_body_sha256: Digest::of(""),
        request_bytes: 0,
        status,
        error: None,
        media_type: media
            .split(';')
            .next()
            .filter(|media| !media.is_empty())
            .map(str::to_owned),
        response_headers: headers
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        body: Some(body.into()),
        cut: false,
        begin_ms: 0,
        ms: 1.0,
    }
}

fn note(body: &Value) -> Exchange {
    answer("/notes/1", 200, "application/json", &body.to_string())
}

fn good() -> Value {
    json!({"id": ID, "mood": "calm", "kept": 3, "tags": ["a"]})
}

fn record(exchanges: &[Exchange]) -> Vec<u8> {
    let lines = exchanges.iter().map(|exchange| format!("{}\n", json!(exchange)));
    lines.collect::<String>().into_bytes()
}

fn asked(record: &[u8], mutants: usize) -> Asked {
    Asked {
        spec: "served".into(),
        service: "api".into(),
        exchanges: Reach::Run,
        mutants,
        pass: "B/pass".into(),
        lines: lines(record),
    }
}

fn judged_by(contract: &Value, exchanges: &[Exchange], mutants: usize) -> Value {
    let record = record(exchanges);
    observe(&asked(&record, mutants), contract, &record).expect("it can be judged")
}

fn judged(exchanges: &[Exchange]) -> Value {
    judged_by(&contract(), exchanges, 0)
}

/// Part, place and keyword of every violation.
fn violations(seen: &Value) -> Vec<String> {
    let told = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("part"), text("where"), text("keyword"))
    };
    seen["violations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(told)
        .collect()
}

fn cell<'s>(seen: &'s Value, operation: &str, status: u16) -> &'s Value {
    let cells = seen["cells"].as_array().expect("a list");
    let found = cells
        .iter()
        .find(|cell| cell["operation"] == operation && cell["status"] == status);
    found.unwrap_or(&Value::Null)
}

#[test]
fn an_answer_that_keeps_the_contract_is_counted_and_nothing_is_held_against_it() {
    let unread = answer("/notes/1", 304, "", "");
    let gone = answer("/notes/2", 404, "application/problem+json", r#"{"status": 404}"#);
    let down = answer("/notes/2", 503, "application/problem+json", r#"{"status": 503}"#);
    let page = answer(
        "/metrics",
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        "up 1\n",
    );
    let seen = judged(&[note(&good()), note(&good()), unread, gone, down, page]);
    assert_eq!(violations(&seen), Vec::<String>::new());
    assert_eq!(
        (&seen["undeclared"], &seen["unexercised"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        *cell(&seen, "GET /notes/{id}", 200),
        json!({"operation": "GET /notes/{id}", "status": 200, "media": "application/json", "declared": true, "seen": 2, "validated": 2, "violations": 0})
    );
    assert_eq!(cell(&seen, "GET /notes/{id}", 304)["media"], "");
    assert_eq!(
        cell(&seen, "GET /notes/{id}", 0)["seen"],
        1,
        "0 stands for a range"
    );
}

#[test]
fn whatever_breaks_the_contract_is_told_by_its_part_place_and_keyword() {
    let with = |key: &str, value: Value| {
        let mut body = good();
        body[key] = value;
        note(&body)
    };
    let mut short = good();
    short.as_object_mut().expect("an object").remove("mood");
    let mut untraced = note(&good());
    untraced.response_headers.remove("x-trace");
    let mut old = note(&good());
    old.response_headers.insert("age".into(), "-1".into());
    for (exchange, expected) in [
        (note(&short), "body  required"),
        (with("kept", json!("three")), "body /kept type"),
        (with("kept", json!(10)), "body /kept maximum"),
        (with("mood", json!("merry")), "body /mood enum"),
        (with("id", json!("one")), "body /id format"),
        (with("more", json!(1)), "body  additionalProperties"),
        (with("tags", json!(["a", "sixsix"])), "body /tags/1 maxLength"),
        (answer("/notes/1", 200, "application/json", "{"), "body  json"),
        (answer("/notes/1", 200, "application/json", ""), "body  json"),
        (answer("/notes/1", 304, "", "surprise"), "body  content"),
        (
            answer("/metrics", 200, "text/plain", "up 1\n"),
            "content-type  content",
        ),
        (
            answer("/metrics", 200, "text/plain; version=0.0.4", "up"),
            "body  minLength",
        ),
        (untraced, "x-trace  required"),
        (old, "age  minimum"),
    ] {
        let seen = judged(&[exchange]);
        assert_eq!(violations(&seen), [expected], "{seen}");
        assert!(
            !seen["violations"][0]["message"]
                .as_str()
                .unwrap_or_default()
                .contains("merry")
        );
    }
}

#[test]
fn what_nobody_declared_is_told_by_what_of_it_is_unknown() {
    let mut put = note(&good());
    put.method = "PUT".into();
    for (exchange, operation, what) in [
        (
            answer("/nowhere?x=1", 404, "text/plain", "no"),
            "GET /nowhere",
            "path",
        ),
        (put, "PUT /notes/{id}", "method"),
        (
            answer("/notes/1", 418, "text/plain", "no"),
            "GET /notes/{id}",
            "status",
        ),
        (
            answer("/notes/1", 200, "text/html", "<p>"),
            "GET /notes/{id}",
            "media",
        ),
        (answer("/notes/1", 200, "", "{}"), "GET /notes/{id}", "media"),
    ] {
        let seen = judged(&[exchange]);
        assert_eq!(
            (
                &seen["undeclared"][0]["operation"],
                &seen["undeclared"][0]["what"]
            ),
            (&json!(operation), &json!(what)),
            "{seen}"
        );
        assert_eq!(violations(&seen), Vec::<String>::new());
    }
}

#[test]
fn what_paper_does_not_show_is_not_held_against_anybody() {
    let mut cut = answer("/notes/1", 200, "application/json", "{\"id\": \"7b");
    cut.cut = true;
    let mut bytes = answer("/notes/1", 200, "application/json", "");
    bytes.body = None;
    let mut broken = note(&good());
    broken.error = Some("reset".into());
    let mut never = answer("/notes/1", 0, "", "");
    never.error = Some("refused".into());
    let seen = judged(&[cut, bytes, broken, never]);
    assert_eq!(violations(&seen), Vec::<String>::new());
    let why: Vec<_> = seen["skipped"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["why"])
        .collect();
    assert_eq!(why, ["its body is longer than is kept", "its body is no text"]);
    assert_eq!(seen["unanswered"], 2);
    let cell = cell(&seen, "GET /notes/{id}", 200);
    assert_eq!((&cell["seen"], &cell["validated"]), (&json!(2), &json!(0)));
}

#[test]
fn a_secret_that_was_taken_out_is_no_fault_and_what_stands_beside_it_is() {
    let hidden = json!({"id": "‹api-key›", "mood": "‹diary›", "kept": "‹count›"});
    let seen = judged(&[note(&hidden)]);
    assert_eq!(violations(&seen), ["body /kept type"]);
    assert_eq!(seen["excused"], 2);
    let renamed = json!({"id": ID, "‹mood›": "calm", "kept": 3});
    let seen = judged(&[note(&renamed)]);
    assert_eq!((violations(&seen), &seen["excused"]), (Vec::new(), &json!(2)));
}

fn keyword<'s>(seen: &'s Value, keyword: &str) -> &'s Value {
    let mutants = seen["mutants"].as_array().expect("a list");
    let found = mutants.iter().find(|it| it["keyword"] == keyword);
    found.unwrap_or(&Value::Null)
}

#[test]
fn real_bodies_are_broken_keyword_by_keyword_and_all_of_them_are_refused() {
    let seen = judged_by(&contract(), &[note(&good())], 2);
    for name in [
        "required",
        "type",
        "enum",
        "format",
        "minimum",
        "maximum",
        "additionalProperties",
        "maxItems",
        "maxLength",
    ] {
        let of = keyword(&seen, name);
        assert!(of["made"].as_u64() > Some(0), "{name}: {seen}");
        assert_eq!(
            (&of["rejected"], &of["accepted"]),
            (&of["made"], &json!([])),
            "{name}"
        );
    }
    assert_eq!(keyword(&seen, "required")["made"], 3);
    assert_eq!(seen["open_cells"], json!([]));
    assert_eq!(
        judged(&[note(&good())])["mutants"],
        json!([]),
        "none are asked for"
    );
}

#[test]
fn a_contract_that_was_loosened_takes_what_it_should_refuse() {
    let loosened = |change: fn(&mut Value)| {
        let mut loose = contract();
        change(&mut loose["components"]["schemas"]["Note"]);
        judged_by(&loose, &[note(&good())], 1)
    };
    let anything = loosened(|note| *note = json!({}));
    assert_eq!(
        anything["open_cells"],
        json!(["GET /notes/{id} 200 application/json"])
    );
    assert_eq!(
        keyword(&anything, "type")["accepted"],
        json!(["GET /notes/{id} 200 "])
    );
    let ajar = loosened(|note| {
        note.as_object_mut()
            .expect("an object")
            .remove("additionalProperties");
    });
    assert_eq!(keyword(&ajar, "additionalProperties")["rejected"], 0);
    assert_eq!(ajar["open_cells"], json!([]));
    let untyped = loosened(|note| note["properties"]["kept"] = json!({}));
    assert_eq!(
        keyword(&untyped, "type")["accepted"],
        json!(["GET /notes/{id} 200 /kept"])
    );
    let mut bare = contract();
    bare["paths"]["/notes/{id}"]["get"]["responses"]["200"]["content"]["application/json"] = json!({});
    let bare = judged_by(&bare, &[note(&good())], 1);
    assert_eq!(
        bare["open_cells"],
        json!(["GET /notes/{id} 200 application/json"]),
        "no schema at all"
    );
}

#[test]
fn the_same_bytes_and_the_same_question_make_the_same_observation() {
    let record = record(&[note(&good()), answer("/notes/2", 418, "", "")]);
    let once = asked(&record, 2);
    let seen = observe(&once, &contract(), &record).expect("it can be judged");
    assert_eq!(observe(&once, &contract(), &record).as_ref(), Ok(&seen));
    assert_eq!(seen["asked"], json!(once));
    let mut longer = record.clone();
    longer.extend_from_slice(b"what came later");
    assert_eq!(
        observe(&once, &contract(), &longer),
        Ok(seen),
        "what came later is not looked at"
    );
    let fewer = Asked { lines: 3, ..once };
    assert_eq!(
        observe(&fewer, &contract(), &record),
        Err("3 exchanges were on record, and 2 are".into())
    );
}

#[test]
fn a_schema_that_leads_nowhere_leaves_no_observation() {
    let mut lost = contract();
    lost["components"]["schemas"]["Note"]["properties"]["id"] =
        json!({"$ref": "#/components/schemas/Nobody"});
    let record = record(&[note(&good())]);
    let why = observe(&asked(&record, 0), &lost, &record).expect_err("it cannot be judged");
    assert!(
        why.contains("the schema at `#/components/schemas/Note` is none"),
        "{why}"
    );
}
