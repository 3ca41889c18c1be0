//! Who is let in: the bearer of a whole, genuine, timely token that nobody denied. Every other case is one answer.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Service, Tenant, eventually},
    tokens::{CURRENT, FOREIGN, FORMER, ask, claims, get, ring, signed, token},
    webhook::now,
};

const PATH: &str = "/api/reconciliation/status";

struct House {
    deployment: Deployment,
    api: Service,
    tenant: Tenant,
}

impl House {
    async fn new() -> Self {
        let deployment = Deployment::new().await;
        Self {
            api: deployment.api().await,
            tenant: deployment.tenant().await,
            deployment,
        }
    }

    /// The claims of a whole token, changed.
    fn claims(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut claims = claims(&self.tenant);
        change(&mut claims);
        claims
    }

    async fn status(&self, token: &str) -> u16 {
        get(&self.api, PATH, token).await.0
    }

    /// The token is refused, and the answer says nothing that the answer to any other refused token does not say.
    async fn refuses(&self, token: &str) {
        let response = ask(&self.api, Method::GET, PATH, token).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let correlation = response.headers()["x-correlation-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let mut problem: Value = response.json().await.unwrap();
        assert!(problem["timestamp"].take().is_string());
        assert_eq!(
            problem,
            json!({
                "type": "about:blank", "title": "Unauthorized", "status": 401,
                "detail": "the request is not authenticated", "code": "AUTH_UNAUTHORIZED",
                "instance": format!("urn:skeldir:error:{correlation}"), "correlation_id": correlation,
                "timestamp": null,
            })
        );
    }

    async fn refuses_claims(&self, change: impl FnOnce(&mut Value)) {
        let whole = self.claims(|_| ());
        assert_eq!(self.status(&token(&whole)).await, 200);
        self.refuses(&token(&self.claims(change))).await;
    }

    async fn operator(&self, statement: &'static str, denied: &str) {
        sqlx::query(statement)
            .bind(denied)
            .execute(&self.deployment.pool("migration_owner", "owner"))
            .await
            .expect("the operator may");
    }
}

fn without(claim: &'static str) -> impl FnOnce(&mut Value) {
    move |claims| {
        claims.as_object_mut().unwrap().remove(claim);
    }
}

fn with(claim: &'static str, value: impl Into<Value>) -> impl FnOnce(&mut Value) {
    let value = value.into();
    move |claims| claims[claim] = value
}

/// A token put together by hand: some of these no library would sign.
fn by_hand(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_current_key_and_one_of_the_former_are_believed() {
    let house = House::new().await;
    for (kid, key) in [("current", &CURRENT), ("former", &FORMER)] {
        let claims = house.claims(|_| ());
        assert_eq!(house.status(&signed(&claims, Some(kid), key)).await, 200, "{kid}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_token_is_refused() {
    let house = House::new().await;
    house.refuses("").await;
    house.refuses("not.a.token").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_are_none() {
    let house = House::new().await;
    let token = token(&house.claims(|_| ()));
    let response = reqwest::Client::new()
        .get(house.api.url(PATH))
        .bearer_auth(&token)
        .bearer_auth(&token)
        .header("X-Correlation-ID", Uuid::new_v4().to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_names_no_algorithm_is_refused() {
    let house = House::new().await;
    for algorithm in ["none", "None", ""] {
        let header = json!({"alg": algorithm, "typ": "JWT", "kid": "current"});
        house.refuses(&by_hand(&header, &house.claims(|_| ()), "")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_secret_is_our_public_key_is_refused() {
    let house = House::new().await;
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("current".to_owned());
    let key = EncodingKey::from_secret(CURRENT.public.as_bytes());
    house
        .refuses(&encode(&header, &house.claims(|_| ()), &key).unwrap())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_rsa_algorithm_is_refused() {
    let house = House::new().await;
    let key = EncodingKey::from_rsa_pem(CURRENT.private.as_bytes()).unwrap();
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let mut header = Header::new(algorithm);
        header.kid = Some("current".to_owned());
        house
            .refuses(&encode(&header, &house.claims(|_| ()), &key).unwrap())
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_key_that_is_not_in_the_ring_is_refused() {
    let house = House::new().await;
    house
        .refuses(&signed(&house.claims(|_| ()), Some("foreign"), &FOREIGN))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_foreign_key_under_the_name_of_ours_is_refused() {
    let house = House::new().await;
    house
        .refuses(&signed(&house.claims(|_| ()), Some("current"), &FOREIGN))
        .await;
    house
        .refuses(&signed(&house.claims(|_| ()), Some("former"), &CURRENT))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_names_no_key_is_refused() {
    let house = House::new().await;
    house
        .refuses(&signed(&house.claims(|_| ()), None, &CURRENT))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_claims_were_changed_after_it_was_signed_is_refused() {
    let house = House::new().await;
    let genuine = token(&house.claims(|_| ()));
    let (_, signature) = genuine.rsplit_once('.').unwrap();
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "current"});
    let raised = house.claims(with("scopes", json!(["admin"])));
    house.refuses(&by_hand(&header, &raised, signature)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_header_that_must_be_understood_is_refused() {
    let house = House::new().await;
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("current".to_owned());
    header.crit = Some(vec!["exp".to_owned()]);
    let key = EncodingKey::from_rsa_pem(CURRENT.private.as_bytes()).unwrap();
    house
        .refuses(&encode(&header, &house.claims(|_| ()), &key).unwrap())
        .await;
}

macro_rules! refused {
    ($($name:ident: $change:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            House::new().await.refuses_claims($change).await;
        }
    )*};
}

refused! {
    a_token_of_another_issuer_is_refused: with("iss", "https://elsewhere.test");
    a_token_without_an_issuer_is_refused: without("iss");
    a_token_meant_for_others_is_refused: with("aud", "others");
    a_token_meant_for_nobody_is_refused: without("aud");
    a_token_that_expired_a_second_ago_is_refused: |claims| claims["exp"] = (now() - 1).into();
    a_token_that_never_expires_is_refused: without("exp");
    a_token_that_is_not_valid_yet_is_refused: |claims| claims["nbf"] = (now() + 60).into();
    a_token_from_the_future_is_refused: |claims| claims["iat"] = (now() + 60).into();
    a_token_that_was_issued_at_no_time_is_refused: without("iat");
    a_token_without_an_id_is_refused: without("jti");
    a_token_with_an_empty_id_is_refused: with("jti", "");
    a_token_of_no_tenant_is_refused: without("tenant_id");
    a_token_whose_tenant_is_no_uuid_is_refused: with("tenant_id", "acme");
    a_token_of_no_user_is_refused: without("sub");
    a_token_of_two_users_is_refused: with("user_id", Uuid::new_v4().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_be_named_by_either_of_two_claims() {
    let house = House::new().await;
    let named = house.claims(|claims| claims["user_id"] = claims["sub"].take());
    assert_eq!(house.status(&token(&named)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_count_where_there_are_any_and_roles_where_there_are_none() {
    let house = House::new().await;
    for (change, status) in [
        (json!({"scopes": ["admin"]}), 200),
        (json!({"scopes": "openid viewer"}), 200),
        (json!({"scopes": ["openid"]}), 403),
        (json!({"scopes": []}), 403),
        (json!({"scopes": [], "role": "admin"}), 403),
        (json!({"role": "manager"}), 200),
        (json!({"roles": ["viewer"]}), 200),
        (json!({"roles": ["guest"]}), 403),
        (json!({}), 403),
    ] {
        let claims = house.claims(|claims| {
            claims.as_object_mut().unwrap().remove("scopes");
            claims
                .as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
        });
        let (seen, answer) = get(&house.api, PATH, &token(&claims)).await;
        assert_eq!(seen, status, "{change}");
        if seen == 403 {
            assert_eq!(answer["code"], "AUTH_FORBIDDEN", "{change}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_denied_is_refused_from_then_on_and_no_other_is() {
    let house = House::new().await;
    let (denied, other) = (house.claims(|_| ()), house.claims(|_| ()));
    assert_eq!(house.status(&token(&denied)).await, 200);
    house
        .operator("select deny_token($1)", denied["jti"].as_str().unwrap())
        .await;
    eventually(async || match house.status(&token(&denied)).await {
        401 => Ok(()),
        seen => Err(format!("the denied token was answered with {seen}")),
    })
    .await;
    house.refuses(&token(&denied)).await;
    assert_eq!(house.status(&token(&other)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_tokens_from_before_the_cutoff_are_refused_and_those_from_after_it_are_not() {
    let house = House::new().await;
    let user = Uuid::new_v4().to_string();
    let of_user = |issued: i64| {
        let mut claims = house.claims(with("sub", user.clone()));
        claims["iat"] = issued.into();
        token(&claims)
    };
    assert_eq!(house.status(&of_user(now() - 5)).await, 200);
    house
        .operator("select deny_user($1::uuid, now() - interval '2 seconds')", &user)
        .await;
    eventually(async || match house.status(&of_user(now() - 10)).await {
        401 => Ok(()),
        seen => Err(format!("a token from before the cutoff was answered with {seen}")),
    })
    .await;
    assert_eq!(house.status(&of_user(now())).await, 200);
    // A cutoff never moves back.
    house
        .operator("select deny_user($1::uuid, now() - interval '1 day')", &user)
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.status(&of_user(now() - 10)).await, 401);
    assert_eq!(house.status(&token(&house.claims(|_| ()))).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_whose_notification_was_missed_is_heard_of_within_the_bound() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let change = [("DENIALS_CACHE_SECONDS", "2")];
    let api = deployment.listening("api", "API_LISTEN", &change).await;
    let claims = claims(&tenant);
    assert_eq!(get(&api, PATH, &token(&claims)).await.0, 200);
    let mut silent = deployment.admin.begin().await.unwrap();
    // No trigger fires in a session that only replays what was done elsewhere.
    sqlx::raw_sql("set local session_replication_role = replica")
        .execute(&mut *silent)
        .await
        .unwrap();
    sqlx::query("insert into auth_denied_tokens (jti) values ($1)")
        .bind(claims["jti"].as_str().unwrap())
        .execute(&mut *silent)
        .await
        .unwrap();
    silent.commit().await.unwrap();
    let since = Instant::now();
    eventually(async || match get(&api, PATH, &token(&claims)).await.0 {
        401 => Ok(()),
        seen => Err(format!("after {:?} still {seen}", since.elapsed())),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_can_neither_deny_nor_lift_a_denial() {
    let deployment = Deployment::new().await;
    let app = deployment.app();
    for statement in [
        "select deny_token('x')",
        "select deny_user(gen_random_uuid())",
        "insert into auth_denied_tokens (jti) values ('x')",
        "delete from auth_denied_tokens",
        "update auth_user_cutoffs set not_before = 'epoch'",
        "select * from auth_user_cutoffs",
    ] {
        let error = sqlx::raw_sql(statement).execute(&app).await.expect_err(statement);
        assert_eq!(
            error.as_database_error().unwrap().code().unwrap(),
            "42501",
            "{statement}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_look_denials_up_lets_nobody_in() {
    let house = House::new().await;
    sqlx::raw_sql("revoke execute on function auth_denials() from app_rw")
        .execute(&house.deployment.admin)
        .await
        .unwrap();
    let (status, problem) = get(&house.api, PATH, &token(&house.claims(|_| ()))).await;
    assert_eq!((status, &problem["code"]), (503, &"SERVICE_UNAVAILABLE".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_cannot_be_read_stops_the_api_and_names_the_key() {
    let deployment = Deployment::new().await;
    let short = json!({"keys": {"short": CURRENT.public.lines().take(4).collect::<Vec<_>>().join("\n")}});
    let private = json!({"keys": {"mine": CURRENT.private}});
    let curve = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n\
                 q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----\n";
    for (ring, why) in [
        (
            short.to_string(),
            "the key `short` is not an RSA public key in PEM",
        ),
        (
            private.to_string(),
            "the key `mine` is a private one; only public keys belong here",
        ),
        (
            json!({"keys": {"curve": curve}}).to_string(),
            "the key `curve` is not an RSA public key in PEM",
        ),
        (
            ring().replace("\"current_kid\":\"current\"", "\"current_kid\":\"next\""),
            "`current_kid` is `next`, and there is no such key",
        ),
    ] {
        let output = deployment.run(&["api"], &[("JWT_PUBLIC_KEYS", &ring)]);
        assert_eq!(output.status.code(), Some(2), "{ring}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!("skeldir api: `JWT_PUBLIC_KEYS` is unusable: {why}\n")
        );
    }
}
