//! The ring of public keys: several at once, so that a key can be replaced without a moment in which nothing is believed.

use std::collections::HashMap;

use jsonwebtoken::DecodingKey;
use serde::Deserialize;

/// Bytes of an RSA key below which its modulus is shorter than 2048 bits.
const FEWEST_BYTES: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Which key signs now. It says nothing about which are believed, but must be one of them.
    current_kid: Option<String>,
    keys: HashMap<String, String>,
}

/// Public keys by the id under which tokens name them.
#[derive(Clone)]
pub(crate) struct KeyRing(HashMap<String, DecodingKey>);

impl KeyRing {
    /// Reads `{"current_kid": KID, "keys": {KID: PEM, …}}`; `current_kid` may be left out. The error names the key that
    /// cannot be read, and repeats none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text).map_err(|error| {
            format!(
                "it is not `{{\"current_kid\": KID, \"keys\": {{KID: PEM}}}}` (see its line {}, column {})",
                error.line(),
                error.column()
            )
        })?;
        if written.keys.is_empty() {
            return Err("it holds no key".to_owned());
        }
        if let Some(current) = &written.current_kid
            && !written.keys.contains_key(current)
        {
            return Err(format!("`current_kid` is `{current}`, and there is no such key"));
        }
        let keys = written.keys.into_iter().map(|(kid, pem)| match public_key(&pem) {
            Ok(key) => Ok((kid, key)),
            Err(why) => Err(format!("the key `{kid}` {why}")),
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// The key of this id.
    pub(super) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.get(kid)
    }
}

fn public_key(pem: &str) -> Result<DecodingKey, &'static str> {
    if pem.contains("PRIVATE KEY") {
        return Err("is a private one; only public keys belong here");
    }
    let unreadable = "is not an RSA public key in PEM";
    let key = DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| unreadable)?;
    match key.try_get_as_bytes() {
        Ok(bytes) if bytes.len() >= FEWEST_BYTES => Ok(key),
        Ok(_) => Err("is shorter than 2048 bits"),
        Err(_) => Err(unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_that_cannot_be_read_is_told_of_by_its_key() {
        for (ring, why) in [
            (
                "",
                "it is not `{\"current_kid\": KID, \"keys\": {KID: PEM}}` (see its line 1, column 0)",
            ),
            (r#"{"keys":{}}"#, "it holds no key"),
            (
                r#"{"current_kid":"b","keys":{"a":"x"}}"#,
                "`current_kid` is `b`, and there is no such key",
            ),
            (
                r#"{"keys":{"a":"x"}}"#,
                "the key `a` is not an RSA public key in PEM",
            ),
            (
                r#"{"keys":{"a":"-----BEGIN PRIVATE KEY-----"}}"#,
                "the key `a` is a private one; only public keys belong here",
            ),
        ] {
            assert_eq!(KeyRing::parse(ring).err().expect(ring), why);
        }
    }
}
