-- The record forgets the newest migration.
delete from schema_migrations where version = (select max(version) from schema_migrations)
