//! The contract: an `OpenAPI` 3.1 document, made from the handlers themselves.
//!
//! A handler says what is its own: path, parameters, bodies, and its answers. What it shares with others it names
//! ([`BehindToken`], [`Body`], [`Nowhere`], [`Signed`]), and what every operation has in common is added here.

use std::{collections::BTreeMap, sync::Arc};

use axum::http::StatusCode;
use utoipa::{
    IntoResponses, OpenApi,
    openapi::{
        self, Content, HeaderBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Required, Response,
        ResponseBuilder, SchemaFormat, Type,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{
    State,
    problem::{Document, FieldError, MEDIA_TYPE},
};

const CORRELATION: &str = "X-Correlation-ID";

#[derive(OpenApi)]
#[openapi(
    info(title = "skeldir", description = "Signed payments in, attributed revenue out"),
    components(schemas(Document, FieldError))
)]
struct Base;

/// The document before any route was added to it.
pub(super) fn base() -> openapi::OpenApi {
    let mut document = Base::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "RS256, with `kid`, `iss`, `aud`, `exp`, `iat`, `jti`, `tenant_id` and `sub`",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

/// Adds what is true of every operation, once all routes are there: any may fail for a reason of our own, every answer
/// says how the request was traced, and a request may say how it is to be; behind a token it must.
pub(super) fn complete(mut document: openapi::OpenApi) -> openapi::OpenApi {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let mut ours = failures(&[(StatusCode::INTERNAL_SERVER_ERROR, "It did not work, by our fault")]);
        let answers = &mut operation.responses.responses;
        ours.retain(|status, _| !answers.contains_key(status));
        answers.extend(ours);
        for answer in answers.values_mut() {
            if let RefOr::T(answer) = answer {
                let header = HeaderBuilder::new()
                    .schema(Some(uuid()))
                    .description(Some("How it is traced"));
                answer
                    .headers
                    .insert(CORRELATION.to_owned(), RefOr::T(header.build()));
            }
        }
        trace(operation);
    }
    document
}

/// The same route under other paths too. One handler answers under all of them, so that none can come to say something
/// else; in the document each is an operation of its own, called by its path.
pub(super) fn also_at(
    others: &[&str],
    (schemas, mut paths, handler): UtoipaMethodRouter<Arc<State>>,
) -> UtoipaMethodRouter<Arc<State>> {
    let declared = paths.paths.values().next().cloned().unwrap_or_default();
    for other in others {
        let mut item = declared.clone();
        for operation in operations(&mut item) {
            operation.operation_id = Some(other.trim_start_matches('/').replace('/', "_"));
        }
        paths.paths.insert((*other).to_owned(), item);
    }
    (schemas, paths, handler)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete]
        .into_iter()
        .flatten()
}

fn trace(operation: &mut Operation) {
    let required = if operation.security.is_some() {
        Required::True
    } else {
        Required::False
    };
    let parameter = ParameterBuilder::new()
        .name(CORRELATION)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some("How the request is traced"))
        .schema(Some(uuid()))
        .build();
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(parameter));
}

fn uuid() -> openapi::Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    openapi::Schema::Object(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(format))
            .build(),
    )
}

type Responses = BTreeMap<String, RefOr<Response>>;

fn failures(all: &[(StatusCode, &str)]) -> Responses {
    all.iter()
        .map(|(status, description)| {
            let schema = Ref::from_schema_name("Problem");
            let answer = ResponseBuilder::new()
                .description(*description)
                .content(MEDIA_TYPE, Content::new(Some(schema)))
                .build();
            (status.as_str().to_owned(), RefOr::T(answer))
        })
        .collect()
}

/// What every operation behind a token can answer.
pub(super) struct BehindToken;

impl IntoResponses for BehindToken {
    fn responses() -> Responses {
        failures(&[
            (
                StatusCode::BAD_REQUEST,
                "The request does not say how it is traced",
            ),
            (
                StatusCode::UNAUTHORIZED,
                "It is not authenticated, for whatever reason",
            ),
            (StatusCode::FORBIDDEN, "The token does not allow it"),
            (StatusCode::SERVICE_UNAVAILABLE, "Not now; send it again"),
        ])
    }
}

/// What every operation that takes a body can answer.
pub(super) struct Body;

impl IntoResponses for Body {
    fn responses() -> Responses {
        failures(&[
            (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body is not said to be JSON",
            ),
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                "The body is not what this path takes",
            ),
        ])
    }
}

/// What an operation on one of many things can answer.
pub(super) struct Nowhere;

impl IntoResponses for Nowhere {
    fn responses() -> Responses {
        failures(&[(StatusCode::NOT_FOUND, "There is no such thing")])
    }
}

/// What every webhook can answer when it is not stored.
pub(super) struct Signed;

impl IntoResponses for Signed {
    fn responses() -> Responses {
        failures(&[
            (
                StatusCode::BAD_REQUEST,
                "The body is not what the headers announced, or the idempotency key is not usable",
            ),
            (
                StatusCode::UNAUTHORIZED,
                "It is nobody's, or not signed, for whatever reason",
            ),
            (StatusCode::REQUEST_TIMEOUT, "The body did not arrive within 10 s"),
            (StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 1 MiB"),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "Nothing is known to be stored; send it again",
            ),
        ])
    }
}
