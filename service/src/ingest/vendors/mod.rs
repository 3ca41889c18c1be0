//! Vendors, one file each: how it signs, and where its body says what.

mod paypal;
mod shopify;
mod stripe;
mod woocommerce;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub(crate) use self::{
    paypal::SALE_COMPLETED,
    shopify::ORDER_CREATE,
    stripe::{PAYMENT_INTENT, PAYMENT_INTENT_EVENT},
    woocommerce::ORDER_COMPLETED,
};
use super::{
    field::{Fault, Field},
    money::Currency,
    signature::Proof,
    tags::Tags,
};
use crate::tenants::Vendor;

/// One kind of webhook.
pub(crate) struct Kind {
    /// Who sends it.
    pub(crate) vendor: Vendor,
    /// The type its events bear. Two kinds of one type are two ways to tell of the same payment.
    pub(crate) event_type: &'static str,
    /// What stands before a payment's id in the name its idempotency key is made of.
    pub(crate) key_name: &'static str,
    /// Whether whoever sends it may choose the idempotency key.
    pub(crate) takes_client_key: bool,
    /// Whether the vendor signed these bytes, and not too long ago where its scheme knows the time.
    pub(crate) is_genuine: fn(&Proof<'_>) -> bool,
    /// What a body says.
    pub(crate) read: fn(&Value) -> Reading,
}

/// What a body says, field by field, each as far as it could be read.
pub(crate) struct Reading {
    /// Whether it is what the route is for: paid, completed, of the right type.
    pub(crate) fits: Result<(), Fault>,
    /// The payment's own id.
    pub(crate) id: Result<String, Fault>,
    /// When it happened, by the vendor's clock.
    pub(crate) at: Result<DateTime<Utc>, Fault>,
    /// How much, in cents.
    pub(crate) cents: Result<i64, Fault>,
    /// Of which currency.
    pub(crate) currency: Result<Currency, Fault>,
    /// Where its customer came from.
    pub(crate) tags: Tags,
    /// The id of the notification, where that is another than the payment's.
    pub(crate) notification: Option<String>,
    /// The state of the payment, in the vendor's word.
    pub(crate) status: Option<String>,
    /// The amount as it was written, for whoever looks at a dead letter.
    pub(crate) amount: Option<String>,
}

/// The fields of the object at `object` in a body; of the body itself when that is empty.
fn fields<'a>(body: &'a Value, object: &'static str) -> impl Fn(&'static str) -> Field<'a> {
    move |name| Field::of(body, object, name)
}
