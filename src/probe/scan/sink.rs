//! The sink: every needle put on purpose, in every encoding, by encoders that know nothing of how it is searched for.
//! It is a file without a name, gone with its handle.

use std::{
    io::{self, Seek as _, Write as _},
    sync::Arc,
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use super::{super::Blind, needles::Needles, sieve::Sieve};
use crate::redact::Encoding;

/// How one value is written into the sink.
type Disguise = fn(&str) -> io::Result<Vec<u8>>;

/// Every way in which every encoding must be seen through: three alignments, two cases, three wrappings.
const DISGUISES: &[(Encoding, Disguise)] = &[
    (Encoding::Plain, |value| Ok(value.into())),
    (Encoding::Base64, |value| {
        Ok(BASE64_STANDARD.encode(format!("{value}:")).into())
    }),
    (Encoding::Base64, |value| {
        Ok(BASE64_STANDARD.encode(format!("u{value}:")).into())
    }),
    (Encoding::Base64, |value| {
        Ok(BASE64_STANDARD.encode(format!("u:{value}:")).into())
    }),
    (Encoding::Base64Url, |value| {
        Ok(BASE64_URL_SAFE.encode(format!("{value}:")).into())
    }),
    (Encoding::Base64Url, |value| {
        Ok(BASE64_URL_SAFE.encode(format!("u{value}:")).into())
    }),
    (Encoding::Base64Url, |value| {
        Ok(BASE64_URL_SAFE.encode(format!("u:{value}:")).into())
    }),
    (Encoding::Url, url),
    (Encoding::Json, |value| {
        serde_json::to_vec(&json!({ "k": value })).map_err(io::Error::from)
    }),
    (
        Encoding::Hex,
        |value| Ok(hex::encode(format!(":{value}:")).into()),
    ),
    (Encoding::Hex, |value| {
        Ok(hex::encode_upper(format!(":{value}:")).into())
    }),
    (Encoding::Gzip, gzip),
    (Encoding::Gzip, |value| {
        Ok(BASE64_STANDARD.encode(gzip(value)?).into())
    }),
    (Encoding::Gzip, |value| Ok(hex::encode(gzip(value)?).into())),
];

fn url(value: &str) -> io::Result<Vec<u8>> {
    let url = reqwest::Url::parse_with_params("http://sink/", [("k", value)]);
    url.map(|url| url.as_str().into()).map_err(io::Error::other)
}

fn gzip(value: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"what is packed holds ")?;
    encoder.write_all(value.as_bytes())?;
    encoder.finish()
}

/// Of each needle the encodings in which it is not found where it was put. A needle without a value is found in none.
pub(super) fn unseen(needles: &Arc<Needles>) -> Result<Vec<Vec<Encoding>>, Blind> {
    let mut unseen = vec![Vec::new(); needles.names().count()];
    for (encoding, disguise) in DISGUISES {
        let seen = seen(needles, *disguise)
            .map_err(|error| Blind::because(format!("the sink cannot be written or read: {error}")))?;
        for (needle, (_, values)) in needles.names().enumerate() {
            if seen[needle] < values.max(1) && !unseen[needle].contains(encoding) {
                unseen[needle].push(*encoding);
            }
        }
    }
    Ok(unseen)
}

/// How many values of each needle are found in a sink that holds all of them in one disguise.
fn seen(needles: &Arc<Needles>, disguise: Disguise) -> io::Result<Vec<usize>> {
    let mut sink = tempfile::tempfile()?;
    for (_, value) in needles.values() {
        sink.write_all(&disguise(value)?)?;
        sink.write_all(b"\n")?;
    }
    sink.rewind()?;
    let mut seen = vec![0; needles.names().count()];
    for ((needle, _), spot) in Sieve::sift(needles, sink)?.found {
        seen[needle] += usize::try_from(spot.times).unwrap_or(usize::MAX);
    }
    Ok(seen)
}
