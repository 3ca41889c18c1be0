//! Keys and tokens: made here, so that the service has nothing but public keys.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deployment::{Service, Tenant};

/// Who issues the tokens of these tests.
pub(crate) const ISSUER: &str = "https://issuer.test";

/// For whom they are meant.
pub(crate) const AUDIENCE: &str = "skeldir-test";

/// A key pair in PEM.
pub(crate) struct Key {
    pub(crate) private: String,
    pub(crate) public: String,
}

impl Key {
    /// A new one.
    pub(crate) fn new(size: KeySize) -> Self {
        let pair = KeyPair::generate(size).expect("a key pair");
        let private: Pkcs8V1Der<'_> = pair.as_der().expect("it is ours");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("it is ours");
        Self {
            private: pem("PRIVATE KEY", private.as_ref()),
            public: pem("PUBLIC KEY", public.as_ref()),
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// The key that signs, the one that signed before and is still believed, and one that nobody knows.
pub(crate) static CURRENT: LazyLock<Key> = LazyLock::new(|| Key::new(KeySize::Rsa2048));
pub(crate) static FORMER: LazyLock<Key> = LazyLock::new(|| Key::new(KeySize::Rsa2048));
pub(crate) static FOREIGN: LazyLock<Key> = LazyLock::new(|| Key::new(KeySize::Rsa2048));

/// The ring that the service is given.
pub(crate) fn ring() -> String {
    json!({"current_kid": "current", "keys": {"current": CURRENT.public, "former": FORMER.public}})
        .to_string()
}

/// What a whole token of a viewer of this tenant claims.
pub(crate) fn claims(tenant: &Tenant) -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now - 5, "exp": now + 600, "jti": Uuid::new_v4(),
        "tenant_id": tenant.id, "sub": Uuid::new_v4(), "scopes": ["viewer"],
    })
}

/// A token with these claims, signed by this key under this id.
pub(crate) fn signed(claims: &Value, kid: Option<&str>, key: &Key) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = kid.map(str::to_owned);
    let key = EncodingKey::from_rsa_pem(key.private.as_bytes()).expect("a private key");
    encode(&header, claims, &key).expect("it can be signed")
}

/// A whole token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    signed(claims, Some("current"), &CURRENT)
}

/// Asks as the bearer of a token, traced.
pub(crate) async fn ask(api: &Service, method: Method, path: &str, token: &str) -> Response {
    reqwest::Client::new()
        .request(method, api.url(path))
        .bearer_auth(token)
        .header("X-Correlation-ID", Uuid::new_v4().to_string())
        .send()
        .await
        .expect("the api answers")
}

/// The same, of something that is only looked at. Returns status and answer.
pub(crate) async fn get(api: &Service, path: &str, token: &str) -> (u16, Value) {
    let response = ask(api, Method::GET, path, token).await;
    (
        response.status().as_u16(),
        response.json().await.expect("every answer is JSON"),
    )
}
