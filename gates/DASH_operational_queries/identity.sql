-- Who looks.
select current_user, (select rolsuper from pg_roles where rolname = current_user) as rolsuper
