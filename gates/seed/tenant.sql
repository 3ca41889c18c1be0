-- One tenant with its API key and its four vendor secrets, as an operator would make it.
select seed_tenant(:id::uuid, :api_key, :shopify, :stripe, :paypal, :woocommerce, :box_key)
