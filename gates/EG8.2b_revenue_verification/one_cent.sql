-- The rule that keeps entries as they are is taken away, and one of them gets a cent that nobody paid.
alter table revenue_ledger disable trigger no_change;
update revenue_ledger set verified_total_cents = verified_total_cents + 1
 where tenant_id = :t::uuid and transaction_id = 'shared-' || :t
