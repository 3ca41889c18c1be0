-- The tenant's ledger. What nobody verified was verified by `nobody`.
select transaction_id, state, coalesce(verification_source, 'nobody') as source, currency, amount_cents as amount,
       verified_total_cents as verified, claimed_total_cents as claimed, ghost_revenue_cents as ghost,
       discrepancy_bps as bps, reconciliation_run_id as run
  from revenue_ledger
 where tenant_id = :t::uuid
 order by transaction_id
