-- What the attempts on this connection came to: one row a relation, one column a verb.
select :context as context, r.*
  from jsonb_to_recordset(current_setting('closure.seen')::jsonb)
    as r (relation text, "select" jsonb, "insert" jsonb, "update" jsonb, "delete" jsonb, "move" jsonb)
