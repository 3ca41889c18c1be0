//! Media types: what an answer is said to be, against what may be answered.

/// A media type or a range of them, with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    /// `application/json`, `text/*`, in lower case.
    pub(super) essence: String,
    /// Names in lower case, with their values.
    pub(super) parameters: Vec<(String, String)>,
}

impl MediaType {
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| {
                (
                    name.trim().to_ascii_lowercase(),
                    unquoted(value.trim()).to_owned(),
                )
            });
        Self {
            essence,
            parameters: parameters.collect(),
        }
    }

    /// How well this range fits an essence: not at all, by `*/*`, by its type, or exactly.
    pub(super) fn fits(&self, essence: &str) -> u8 {
        let of_type = |range: &str| essence.split('/').next() == Some(range);
        match self.essence.strip_suffix("/*") {
            _ if self.essence == essence => 3,
            Some("*") => 1,
            Some(range) if of_type(range) => 2,
            _ => 0,
        }
    }

    /// The parameters of this one that another lacks.
    pub(super) fn missing_from<'m>(&'m self, other: &'m Self) -> impl Iterator<Item = String> + 'm {
        let there = |(name, value): &&(String, String)| {
            let mut same = other.parameters.iter().filter(|(other, _)| other == name);
            same.any(|(_, other)| other.eq_ignore_ascii_case(value))
        };
        let missing = self.parameters.iter().filter(move |parameter| !there(parameter));
        missing.map(|(name, value)| format!("{name}={value}"))
    }

    /// Its bodies are JSON.
    pub(super) fn is_json(&self) -> bool {
        self.essence == "application/json" || self.essence.ends_with("+json")
    }
}

fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn the_nearest_range_fits_best() {
        let fits = |range: &str| MediaType::parse(range).fits("application/json");
        let grades = [
            "application/json; charset=utf-8",
            "application/*",
            "*/*",
            "text/*",
        ]
        .map(fits);
        assert_eq!(grades, [3, 2, 1, 0]);
    }

    #[test]
    fn a_declared_parameter_must_be_there() {
        let missing = |declared: &str, said: &str| -> Vec<String> {
            let (declared, said) = (MediaType::parse(declared), MediaType::parse(said));
            declared.missing_from(&said).collect()
        };
        assert!(missing("text/plain; charset=utf-8", "text/plain; Charset=\"UTF-8\"; x=1").is_empty());
        assert_eq!(
            missing("text/plain; version=1", "text/plain; version=2"),
            ["version=1"]
        );
    }

    #[test]
    fn json_is_what_says_so() {
        assert!(MediaType::parse("application/problem+json").is_json());
        assert!(!MediaType::parse("text/json-lines").is_json());
    }
}
