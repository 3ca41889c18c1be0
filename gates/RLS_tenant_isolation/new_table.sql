-- What a migration would add that forgot about tenants: a table, its rights, and a row of each tenant.
create table notes (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  note text not null default ''
);
alter table notes owner to migration_owner;
grant select, insert, update, delete on notes to app_rw;
insert into notes (tenant_id) values (:a::uuid), (:b::uuid)
