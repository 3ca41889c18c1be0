//! What is searched for: values by name, in all their forms, indexed by how a form begins.

use std::collections::{BTreeMap, HashMap};

use super::sieve::LEAST;
use crate::redact::{Encoding, Secret};

/// Every needle of one scan.
pub(super) struct Needles {
    names: Vec<String>,
    values: Vec<Vec<String>>,
    forms: Vec<Form>,
    by_start: HashMap<[u8; 4], Vec<usize>>,
    /// Which first two bytes a form, or something packed, can have.
    starts: Box<[bool]>,
    /// Bytes of the longest form.
    longest: usize,
    unpacks: bool,
}

/// One form of one needle.
struct Form {
    bytes: Vec<u8>,
    needle: usize,
    encoding: Encoding,
    /// Looked for also where nothing was packed.
    is_asked: bool,
}

impl Needles {
    /// The secrets a gate names, `*` for all of them. A name that the run never made stands for no value.
    pub(super) fn new(asked: &[String], secrets: &[Secret], encodings: &[Encoding]) -> Self {
        let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in asked.iter().filter(|name| *name != "*") {
            values.entry(name).or_default();
        }
        let is_all = asked.iter().any(|name| name == "*");
        for secret in secrets {
            if is_all || values.contains_key(secret.label()) {
                let known = values.entry(secret.label()).or_default();
                known.push(secret.value().to_owned());
            }
        }
        let mut needles = Self {
            names: values.keys().map(|name| (*name).to_owned()).collect(),
            values: values.into_values().collect(),
            forms: Vec::new(),
            by_start: HashMap::new(),
            starts: vec![false; 1 << 16].into_boxed_slice(),
            longest: LEAST,
            unpacks: encodings.contains(&Encoding::Gzip),
        };
        needles.index(encodings);
        for magic in super::packed::STARTS {
            needles.starts[start(magic)] |= needles.unpacks;
        }
        needles
    }

    fn index(&mut self, encodings: &[Encoding]) {
        let mut known: HashMap<(usize, String), usize> = HashMap::new();
        let secrets = self.values.iter().enumerate().flat_map(|(needle, values)| {
            let forms = |value: &String| Secret::new("", value).forms();
            values.iter().flat_map(forms).map(move |form| (needle, form))
        });
        for (needle, (encoding, form)) in secrets.collect::<Vec<_>>() {
            let is_asked = encodings.contains(&encoding);
            // A form that encodings share is found once, under the first of them that is asked for.
            if let Some(at) = known.get(&(needle, form.clone())) {
                let shared = &mut self.forms[*at];
                if is_asked && !shared.is_asked {
                    (shared.encoding, shared.is_asked) = (encoding, true);
                }
                continue;
            }
            known.insert((needle, form.clone()), self.forms.len());
            let bytes = form.into_bytes();
            let (Some(first), Some(two)) = (bytes.first_chunk::<4>(), bytes.first_chunk::<2>()) else {
                continue;
            };
            self.longest = self.longest.max(bytes.len());
            self.starts[start(*two)] = true;
            self.by_start.entry(*first).or_default().push(self.forms.len());
            self.forms.push(Form {
                bytes,
                needle,
                encoding,
                is_asked,
            });
        }
    }

    /// Names, each with how many values the run has made under it.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names
            .iter()
            .map(String::as_str)
            .zip(self.values.iter().map(Vec::len))
    }

    pub(super) fn name(&self, needle: usize) -> &str {
        &self.names[needle]
    }

    /// Every value with the number of its needle.
    pub(super) fn values(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = self.values.iter().enumerate();
        all.flat_map(|(needle, values)| values.iter().map(move |value| (needle, value.as_str())))
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn unpacks(&self) -> bool {
        self.unpacks
    }

    /// Could anything begin with these two bytes?
    pub(super) fn may_start(&self, two: [u8; 2]) -> bool {
        self.starts[start(two)]
    }

    /// The forms that stand at the beginning of some bytes. In what was packed every form counts.
    pub(super) fn at(&self, bytes: &[u8], is_packed: bool) -> impl Iterator<Item = (usize, Encoding)> {
        let group = bytes
            .first_chunk::<4>()
            .and_then(|first| self.by_start.get(first));
        let forms = group.into_iter().flatten().map(|form| &self.forms[*form]);
        forms
            .filter(move |form| (is_packed || form.is_asked) && bytes.starts_with(&form.bytes))
            .map(|form| (form.needle, form.encoding))
    }
}

fn start(two: [u8; 2]) -> usize {
    usize::from(u16::from_le_bytes(two))
}
