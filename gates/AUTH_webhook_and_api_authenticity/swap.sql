-- Two tenants exchange what their vendors sign with. Done twice, it undoes itself.
update tenants t
   set shopify_webhook_secret_ciphertext = o.shopify_webhook_secret_ciphertext,
       stripe_webhook_secret_ciphertext = o.stripe_webhook_secret_ciphertext,
       paypal_webhook_secret_ciphertext = o.paypal_webhook_secret_ciphertext,
       woocommerce_webhook_secret_ciphertext = o.woocommerce_webhook_secret_ciphertext
  from tenants o
 where (t.id, o.id) in ((:a::uuid, :b::uuid), (:b::uuid, :a::uuid))
