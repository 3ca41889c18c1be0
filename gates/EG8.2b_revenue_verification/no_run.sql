-- The rule that keeps entries as they are is taken away, and they forget the run that wrote them.
alter table revenue_ledger disable trigger no_change;
update revenue_ledger set reconciliation_run_id = null where tenant_id = :t::uuid
