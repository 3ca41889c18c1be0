//! The contract as a document: operations, what each may answer, and which of them a request was for.

use serde_json::Value;

use super::media::MediaType;

const METHODS: &[&str] = &[
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// References that lead to one another are followed no further than this.
const FARTHEST: usize = 16;

/// A contract, ready to be asked.
pub(super) struct Spec<'c> {
    root: &'c Value,
    pub(super) operations: Vec<Operation>,
}

/// One method of one path.
pub(super) struct Operation {
    /// `GET /api/tasks/{id}`.
    pub(super) name: String,
    method: String,
    segments: Vec<String>,
    pub(super) responses: Vec<Response>,
}

/// What may be answered.
pub(super) struct Response {
    /// `200`, `2XX` or `default`.
    said: String,
    pub(super) headers: Vec<Header>,
    /// None: an answer without a body.
    pub(super) content: Vec<Content>,
}

/// A header of an answer.
pub(super) struct Header {
    /// In lower case.
    pub(super) name: String,
    pub(super) required: bool,
    /// Where its schema stands.
    pub(super) schema: Option<String>,
}

/// One form in which a body may come.
pub(super) struct Content {
    pub(super) media: MediaType,
    /// Where its schema stands.
    pub(super) schema: Option<String>,
}

/// Whom a request was for.
pub(super) enum Addressee<'s> {
    /// An operation.
    Operation(&'s Operation),
    /// A path that is there, and does not take this method: `POST /health`.
    Method(String),
    /// No path: `GET /nowhere`.
    Nobody(String),
}

impl<'c> Spec<'c> {
    pub(super) fn read(root: &'c Value) -> Result<Self, String> {
        let version = root.get("openapi").and_then(Value::as_str);
        let version = version.ok_or("the contract is no OpenAPI document: it lacks `openapi`")?;
        if !(version == "3.1" || version.starts_with("3.1.")) {
            return Err(format!(
                "the contract is OpenAPI `{version}`, and only 3.1 is understood"
            ));
        }
        let paths = root.get("paths").and_then(Value::as_object);
        let mut operations = Vec::new();
        for path in paths.into_iter().flat_map(|paths| paths.keys()) {
            let (place, item) = follow(root, format!("/paths/{}", escaped(path)))?;
            for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
                operations.push(Operation::read(root, path, method, &format!("{place}/{method}"))?);
            }
        }
        if operations.is_empty() {
            return Err("the contract declares no operation".into());
        }
        Ok(Self { root, operations })
    }

    /// Whom a request was for. Of two paths that both match, the one that says more of it word for word.
    pub(super) fn addressee(&self, method: &str, path: &str) -> Addressee<'_> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        let matching = self.operations.iter().filter(|it| it.matches(&segments));
        let nearest = |it: &&Operation| it.word_for_word();
        match matching
            .clone()
            .filter(|it| it.method == method)
            .max_by_key(nearest)
        {
            Some(operation) => Addressee::Operation(operation),
            None => match matching.max_by_key(nearest) {
                Some(other) => Addressee::Method(format!("{method} {}", other.segments.join("/"))),
                None => Addressee::Nobody(format!("{method} {path}")),
            },
        }
    }

    /// What stands at a place, references not followed.
    pub(super) fn at(&self, place: &str) -> Option<&'c Value> {
        self.root.pointer(place)
    }

    /// Where a reference leads, inside this document.
    pub(super) fn referred(&self, reference: &str) -> Option<&'c Value> {
        self.root.pointer(&decoded(reference.strip_prefix('#')?))
    }
}

impl Operation {
    fn read(root: &Value, path: &str, method: &str, place: &str) -> Result<Self, String> {
        let (place, operation) = follow(root, place.to_owned())?;
        let method = method.to_ascii_uppercase();
        let name = format!("{method} {path}");
        let answers = operation.get("responses").and_then(Value::as_object);
        let responses = answers
            .into_iter()
            .flat_map(|answers| answers.keys())
            .map(|said| {
                let at = format!("{place}/responses/{}", escaped(said));
                Response::read(root, said, at)
            });
        Ok(Self {
            responses: responses
                .collect::<Result<_, _>>()
                .map_err(|why| format!("{name}: {why}"))?,
            name,
            method,
            segments: path.split('/').map(str::to_owned).collect(),
        })
    }

    fn matches(&self, segments: &[&str]) -> bool {
        self.segments.len() == segments.len()
            && self
                .segments
                .iter()
                .zip(segments)
                .all(|(template, segment)| fits(template, segment))
    }

    /// Segment by segment, whether it is written out.
    fn word_for_word(&self) -> Vec<bool> {
        self.segments
            .iter()
            .map(|segment| !segment.contains('{'))
            .collect()
    }

    /// What may be answered with a status: the status itself before its range, and that before the default.
    pub(super) fn response(&self, status: u16) -> Option<&Response> {
        let named = |said: &str| {
            self.responses
                .iter()
                .find(|it| it.said.eq_ignore_ascii_case(said))
        };
        named(&status.to_string())
            .or_else(|| named(&format!("{}XX", status / 100)))
            .or_else(|| named("default"))
    }
}

impl Response {
    fn read(root: &Value, said: &str, place: String) -> Result<Self, String> {
        let (place, response) = follow(root, place)?;
        let keys = |of: &str| {
            let table = response.get(of).and_then(Value::as_object);
            table.map(|table| table.keys().cloned().collect::<Vec<_>>())
        };
        let mut headers = Vec::new();
        for name in keys("headers").unwrap_or_default() {
            let (at, header) = follow(root, format!("{place}/headers/{}", escaped(&name)))?;
            headers.push(Header {
                name: name.to_ascii_lowercase(),
                required: header.get("required") == Some(&Value::Bool(true)),
                schema: header.get("schema").map(|_| format!("{at}/schema")),
            });
        }
        let mut content = Vec::new();
        for media in keys("content").unwrap_or_default() {
            let at = format!("{place}/content/{}/schema", escaped(&media));
            content.push(Content {
                media: MediaType::parse(&media),
                schema: schema(root, at)?,
            });
        }
        Ok(Self {
            said: said.to_owned(),
            headers,
            content,
        })
    }

    /// Its status; 0 for a range of them and for the default.
    pub(super) fn status(&self) -> u16 {
        self.said.parse().unwrap_or_default()
    }

    /// The form a body of this media type comes in.
    pub(super) fn form(&self, essence: &str) -> Option<&Content> {
        let fitting = self.content.iter().filter(|form| form.media.fits(essence) > 0);
        fitting.max_by_key(|form| form.media.fits(essence))
    }
}

/// Where the schema of a body stands, if there is one. Most are but a name: what many answers share is built once.
fn schema(root: &Value, place: String) -> Result<Option<String>, String> {
    let Some(schema) = root.pointer(&place) else {
        return Ok(None);
    };
    let is_a_name = schema
        .as_object()
        .is_some_and(|fields| fields.len() == 1 && fields.contains_key("$ref"));
    let place = if is_a_name { follow(root, place)?.0 } else { place };
    Ok(Some(place))
}

/// Follow references inside the document, to where something stands.
fn follow(root: &Value, mut place: String) -> Result<(String, &Value), String> {
    for _ in 0..FARTHEST {
        let value = root
            .pointer(&place)
            .ok_or_else(|| format!("nothing stands at `#{place}`"))?;
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Ok((place, value));
        };
        let inside = reference.strip_prefix('#');
        place = decoded(inside.ok_or_else(|| format!("`{reference}` leads out of the document"))?);
    }
    Err(format!("references at `#{place}` lead nowhere"))
}

/// `{id}` stands for anything that is one segment and not nothing; what stands around it is there word for word.
fn fits(template: &str, segment: &str) -> bool {
    match template.split_once('{').zip(template.rsplit_once('}')) {
        Some(((before, _), (_, after))) => segment
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|stands_for| !stands_for.is_empty()),
        None => template == segment,
    }
}

/// A key as a part of a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A fragment of an URI as the JSON pointer it is.
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = (*byte == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Addressee, Spec, decoded, fits};

    fn contract() -> Value {
        json!({
            "openapi": "3.1.0",
            "paths": {
                "/tasks/{id}": {"get": {"responses": {"2XX": {"description": ""}, "default": {"$ref": "#/components/responses/Sorry"}}}},
                "/tasks/latest": {"get": {"responses": {"200": {"description": ""}}}},
            },
            "components": {"responses": {"Sorry": {"content": {"application/problem+json": {"schema": {}}}}}},
        })
    }

    fn asked(method: &str, path: &str) -> String {
        let contract = contract();
        let spec = Spec::read(&contract).expect("a contract");
        match spec.addressee(method, path) {
            Addressee::Operation(operation) => operation.name.clone(),
            Addressee::Method(name) => format!("no method: {name}"),
            Addressee::Nobody(name) => format!("nobody: {name}"),
        }
    }

    #[test]
    fn a_request_is_for_the_path_that_says_most_of_it() {
        assert_eq!(asked("GET", "/tasks/latest?x=/1"), "GET /tasks/latest");
        assert_eq!(asked("GET", "/tasks/17"), "GET /tasks/{id}");
        assert_eq!(asked("POST", "/tasks/17"), "no method: POST /tasks/{id}");
        assert_eq!(asked("GET", "/tasks/"), "nobody: GET /tasks/");
        assert_eq!(asked("GET", "/tasks/17/more"), "nobody: GET /tasks/17/more");
    }

    #[test]
    fn a_status_is_declared_by_itself_by_its_range_or_by_default() {
        let contract = contract();
        let spec = Spec::read(&contract).expect("a contract");
        let task = &spec.operations[0];
        let said = |status| task.response(status).map(|response| response.said.as_str());
        assert_eq!((said(204), said(500)), (Some("2XX"), Some("default")));
        let sorry = task
            .response(500)
            .and_then(|it| it.form("application/problem+json"));
        let schema = sorry.and_then(|form| form.schema.as_deref());
        assert_eq!(
            schema,
            Some("/components/responses/Sorry/content/application~1problem+json/schema")
        );
        assert!(spec.operations[1].response(404).is_none());
    }

    #[test]
    fn what_is_no_contract_is_told_in_words() {
        let told = |contract: Value| Spec::read(&contract).err().unwrap_or_default();
        assert_eq!(
            told(json!({"swagger": "2.0"})),
            "the contract is no OpenAPI document: it lacks `openapi`"
        );
        assert_eq!(
            told(json!({"openapi": "3.0.3"})),
            "the contract is OpenAPI `3.0.3`, and only 3.1 is understood"
        );
        assert_eq!(
            told(json!({"openapi": "3.1.0", "paths": {}})),
            "the contract declares no operation"
        );
        let lost = json!({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": {"$ref": "#/nowhere"}}}}}});
        assert_eq!(told(lost), "GET /a: nothing stands at `#/nowhere`");
        let ring = json!({"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}});
        assert_eq!(told(ring), "references at `#/paths/~1a` lead nowhere");
    }

    #[test]
    fn a_parameter_stands_for_one_segment() {
        assert!(fits("{id}", "x") && fits("{id}.json", "x.json") && fits("health", "health"));
        assert!(!fits("{id}", "") && !fits("{id}.json", ".json") && !fits("health", "Health"));
        assert_eq!(decoded("/paths/~1a~1%7Bid%7D/100%"), "/paths/~1a~1{id}/100%");
    }
}
