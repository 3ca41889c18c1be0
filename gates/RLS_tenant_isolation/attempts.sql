-- Every verb on every relation, in the context that is asked for, as whoever is connected. What is asked stands in the
-- session's `closure.asked`, what came of it in `closure.seen` afterwards. Each attempt ends with an error of our own, which
-- undoes it: nothing is left behind, whoever was let in.
do $closure$
declare
  asked jsonb := current_setting('closure.asked')::jsonb;
  a uuid := asked ->> 'a';
  b uuid := asked ->> 'b';
  tenant text := asked #>> '{context,tenant}';
  seen jsonb := '[]';
  told jsonb;
  x record;
  verb text;
  touched bigint;
  mine bigint;
  code text;
begin
  if tenant is not null then
    perform set_config('app.current_tenant_id', tenant, true);
  end if;
  if asked #>> '{context,user}' is not null then
    perform set_config('app.current_user_id', asked #>> '{context,user}', true);
  end if;
  for x in select relation, col, per_user
             from jsonb_to_recordset(asked -> 'relations') as r (relation text, col text, per_user boolean) loop
    told := jsonb_build_object('relation', x.relation);
    for verb in select jsonb_array_elements_text(asked -> 'verbs') loop
      touched := 0;
      mine := 0;
      code := '00000';
      begin
        case verb
          -- All rows that can be seen, and those of them that are the context's own.
          when 'select' then
            execute format('select count(*), count(*) filter (where %I::text = $1) from %s', x.col, x.relation)
              into touched, mine using tenant;
          -- A row of a's, and of the user of the context where it must be a user's, with nothing else in it. Row security is
          -- asked before any constraint: it refuses with 42501, and whatever else is then wrong with such a row says that
          -- row security let it pass.
          when 'insert' then
            if x.per_user then
              execute format('insert into %s (%I, user_id) values ($1, current_user_id())', x.relation, x.col) using a;
            else
              execute format('insert into %s (%I) values ($1)', x.relation, x.col) using a;
            end if;
            touched := 1;
          when 'update' then
            execute format('update %1$s set %2$I = %2$I where %2$I = $1', x.relation, x.col) using a;
            get diagnostics touched = row_count;
          when 'delete' then
            execute format('delete from %s where %I = $1', x.relation, x.col) using a;
            get diagnostics touched = row_count;
          -- A row of b's becomes one of a's.
          when 'move' then
            execute format('update %1$s set %2$I = $1 where %2$I = $2', x.relation, x.col) using a, b;
            get diagnostics touched = row_count;
        end case;
        raise exception using errcode = 'CL000';
      exception when others then
        if sqlstate <> 'CL000' then
          code := sqlstate;
          touched := 0;
          mine := 0;
        end if;
      end;
      told := told || jsonb_build_object(verb, jsonb_build_object('code', code, 'rows', touched, 'mine', mine));
    end loop;
    seen := seen || jsonb_build_array(told);
  end loop;
  perform set_config('closure.seen', seen::text, false);
end
$closure$
