//! Tokens, and the key pairs that sign them. A pair is made when it is first asked for, lives in this process, and is
//! never written anywhere: a service is told its public half only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{sign, unknown};
use crate::digest::Digest;

/// The key pairs of a suite, by name. Clones share them.
#[derive(Clone, Default)]
pub struct Keys {
    /// How many bits each of them has.
    declared: Arc<BTreeMap<String, u32>>,
    made: Arc<Mutex<BTreeMap<String, Arc<Pair>>>>,
}

/// An RSA key.
struct Pair {
    /// What tokens call it by: the first 16 digits of its public half's digest.
    kid: String,
    /// Its public half, as PEM.
    public: String,
    secret: KeyPair,
}

impl Keys {
    /// Key pairs of so many bits each: 2048, 3072 or 4096. None is made yet.
    pub fn new(declared: BTreeMap<String, u32>) -> Self {
        Self {
            declared: Arc::new(declared),
            made: Arc::default(),
        }
    }

    /// What a verifier is told: `{"current_kid": …, "keys": {kid: PEM}}`, in one line.
    pub(super) fn public_ring(&self, name: &str) -> Result<String, String> {
        let pair = self.pair(name)?;
        let mut keys = serde_json::Map::new();
        keys.insert(pair.kid.clone(), pair.public.clone().into());
        Ok(json!({"current_kid": pair.kid, "keys": keys}).to_string())
    }

    /// A token as it should be: RS256, under the id of its key.
    pub(super) fn token(&self, claims: &Value, name: &str) -> Result<String, String> {
        let kid = self.pair(name)?.kid.clone();
        self.token_with(&json!({"alg": "RS256", "typ": "JWT", "kid": kid}), claims, name)
    }

    /// A token with exactly this header. What it is signed with follows from its `alg`: the private key (`RS256`), the
    /// text of the public one (`HS256`, which fools a verifier that believes headers), or nothing (`none`).
    pub(super) fn token_with(&self, header: &Value, claims: &Value, name: &str) -> Result<String, String> {
        if !claims.is_object() {
            return Err(format!("the claims of a token are an object, not `{claims}`"));
        }
        let pair = self.pair(name)?;
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = match header.get("alg").and_then(Value::as_str) {
            Some("RS256") => pair.sign(signed.as_bytes())?,
            Some("HS256") => sign::hmac(pair.public.as_bytes(), signed.as_bytes()),
            Some("none") => Vec::new(),
            _ => {
                return Err(format!(
                    "`alg` is RS256, HS256 or none in the header of a token, not as in `{header}`"
                ));
            }
        };
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn pair(&self, name: &str) -> Result<Arc<Pair>, String> {
        let bits = self
            .declared
            .get(name)
            .ok_or_else(|| unknown("key", name, self.declared.keys()))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = made.get(name) {
            return Ok(Arc::clone(pair));
        }
        let pair =
            Pair::new(*bits).ok_or_else(|| format!("key `{name}` of {bits} bits could not be made"))?;
        let pair = Arc::new(pair);
        made.insert(name.to_owned(), Arc::clone(&pair));
        Ok(pair)
    }
}

impl Pair {
    fn new(bits: u32) -> Option<Self> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return None,
        };
        let secret = KeyPair::generate(size).ok()?;
        let der = secret.public_key().as_der().ok()?;
        Some(Self {
            kid: Digest::of(der.as_ref()).as_str()[..16].to_owned(),
            public: pem(der.as_ref()),
            secret,
        })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let mut signature = vec![0; self.secret.public_modulus_len()];
        self.secret
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| "the token could not be signed".to_owned())?;
        Ok(signature)
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// RFC 7468: lines of 64 characters between the two that say what it is.
fn pem(der: &[u8]) -> String {
    let text = sign::base64(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use serde_json::{Value, json};

    use super::Keys;

    fn keys() -> Keys {
        Keys::new([("jwt".to_owned(), 2048), ("other".to_owned(), 3072)].into())
    }

    fn ring(keys: &Keys) -> (String, String) {
        let ring: Value = serde_json::from_str(&keys.public_ring("jwt").expect("made")).expect("JSON");
        let kid = ring["current_kid"].as_str().expect("a text").to_owned();
        let pem = ring["keys"][&kid].as_str().expect("its key").to_owned();
        (kid, pem)
    }

    fn parts(token: &str) -> (Value, Value, String, Vec<u8>) {
        let mut parts = token.split('.');
        let mut next = || {
            URL_SAFE_NO_PAD
                .decode(parts.next().expect("three parts"))
                .expect("base64")
        };
        let (header, claims, signature) = (next(), next(), next());
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).expect("JSON");
        let signed = token.rsplit_once('.').expect("three parts").0.to_owned();
        (json(&header), json(&claims), signed, signature)
    }

    #[test]
    fn a_token_is_signed_by_the_key_that_the_ring_shows_under_its_id() {
        let keys = keys();
        let token = keys.token(&json!({"sub": "a"}), "jwt").expect("signed");
        let (header, claims, signed, signature) = parts(&token);
        let (kid, pem) = ring(&keys);
        assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": kid}));
        assert_eq!(claims, json!({"sub": "a"}));
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let public =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, STANDARD.decode(der).expect("base64"));
        public.verify(signed.as_bytes(), &signature).expect("genuine");
        public
            .verify(b"something else", &signature)
            .expect_err("not what was signed");
    }

    #[test]
    fn keys_are_told_apart_by_name_and_stay_the_same() {
        let keys = keys();
        let ring = |name| keys.public_ring(name).expect("made");
        assert_eq!(ring("jwt"), ring("jwt"));
        assert_ne!(ring("jwt"), ring("other"));
    }

    #[test]
    fn a_forged_header_is_signed_as_it_says() {
        let keys = keys();
        let forged = |alg: &str| keys.token_with(&json!({"alg": alg}), &json!({}), "jwt");
        assert!(forged("none").expect("made").ends_with('.'));
        let (_, _, signed, signature) = parts(&forged("HS256").expect("made"));
        let (_, pem) = ring(&keys);
        assert_eq!(signature, super::sign::hmac(pem.as_bytes(), signed.as_bytes()));
        let refused = forged("ES256").expect_err("nothing signs that");
        assert!(refused.contains("`alg` is RS256, HS256 or none"), "{refused}");
        let refused = keys.token(&json!("me"), "jwt").expect_err("not claims");
        assert_eq!(refused, "the claims of a token are an object, not `\"me\"`");
        let refused = keys.public_ring("jvt").expect_err("not declared");
        assert_eq!(
            refused,
            "no key `jvt` in this suite\nhint: there is `jwt`, `other`"
        );
    }
}
