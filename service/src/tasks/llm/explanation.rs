//! `llm.explanation`: why something is as it is.

use serde_json::Value;

use super::{Asking, Keeping};
use crate::llm::Endpoint;

/// Its name.
pub(in crate::tasks) const NAME: &str = "llm.explanation";

/// How it is done. Nothing is kept beside the books: the explanation is the result.
pub(in crate::tasks) const ASKING: Asking = Asking {
    endpoint: Endpoint::Explanation,
    keep: |_, answered| -> Keeping<'_> {
        let explanation = Value::from(answered.text);
        Box::pin(std::future::ready(Ok(("explanation", explanation))))
    },
};
