//! Personal data: which keys bear it, wherever in a body they stand.

use std::collections::BTreeSet;

use serde_json::Value;

/// Keys whose value is personal. Compared without case and punctuation, so `receiptEmail` is `receipt_email`.
const KEYS: [&str; 30] = [
    "email",
    "email_address",
    "phone",
    "phone_number",
    "ssn",
    "social_security_number",
    "ip",
    "ip_address",
    "first_name",
    "last_name",
    "full_name",
    "address",
    "street_address",
    "billing_address",
    "shipping_address",
    "receipt_email",
    "customer_email",
    "customer_phone",
    // Person names. `name` alone stands in every vendor's billing details.
    "name",
    "middle_name",
    "given_name",
    "family_name",
    "surname",
    "maiden_name",
    "person_name",
    "contact_name",
    "customer_name",
    "cardholder_name",
    "billing_name",
    "shipping_name",
];

/// Every listed key, as keys are compared: for whoever looks through what is already stored.
pub(crate) fn personal_keys() -> Vec<String> {
    KEYS.iter().map(|key| plain(key).collect()).collect()
}

/// The keys that bear personal data in `body`, at any depth, in lists too, by their names in the list above. A null
/// is no data. The names come from a closed list, so they may be stored and shown; the values may not.
pub(crate) fn keys_in(body: &Value) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    collect(body, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<&'static str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if !value.is_null() {
                    found.extend(listed(key));
                }
                collect(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

fn listed(key: &str) -> Option<&'static str> {
    KEYS.into_iter().find(|listed| plain(listed).eq(plain(key)))
}

fn plain(key: &str) -> impl Iterator<Item = char> + '_ {
    key.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_found_at_any_depth_in_any_case() {
        for body in [
            json!({"email": "a@b.c"}),
            json!({"data": {"object": {"RECEIPT_EMAIL": "a@b.c"}}}),
            json!({"list": [1, {"deep": [{"IpAddress": "10.0.0.1"}]}]}),
            json!({"billing_details": {"name": "Test User"}}),
            json!({"address": {"line1": "1 High Street"}}),
            json!({"shippingName": ""}),
        ] {
            assert_eq!(keys_in(&body).len(), 1, "{body}");
        }
    }

    #[test]
    fn null_is_no_data_and_a_likeness_is_no_match() {
        let body = json!({"receipt_email": null, "named": 1, "ipx": 1, "event_name_id": 1, "emails_sent": 3});
        assert!(keys_in(&body).is_empty());
    }

    #[test]
    fn the_eighteen_keys_every_reader_of_this_system_checks_are_listed() {
        assert_eq!(KEYS.iter().take_while(|key| **key != "name").count(), 18);
    }

    proptest! {
        #[test]
        fn wherever_a_listed_key_is_hung_it_is_found(index in 0..KEYS.len(), path in prop::collection::vec("[a-z]{1,3}[0-9]", 0..6)) {
            let mut body = json!({ KEYS[index].to_uppercase(): 1 });
            for step in path {
                body = json!([{ step: body }]);
            }
            prop_assert_eq!(keys_in(&body), BTreeSet::from([KEYS[index]]));
        }
    }
}
