-- The rule that keeps shares balanced is taken away, and one share loses a cent.
alter table attribution_allocations disable trigger balance_after_update;
update attribution_allocations set allocated_revenue_cents = allocated_revenue_cents - 1
 where id = (select id from attribution_allocations
              where tenant_id = :a::uuid and allocated_revenue_cents > 0 order by id limit 1)
