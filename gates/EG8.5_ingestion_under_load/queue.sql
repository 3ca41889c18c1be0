-- Depth of every queue, a row also for one with nothing in it: what waits (visible) and what is being done (invisible).
select q.queue,
       count(t.id) filter (where t.state = 'pending')::int as visible,
       count(t.id) filter (where t.state = 'running')::int as invisible,
       count(t.id)::int as depth,
       to_json(now()) #>> '{}' as at
  from unnest(:queues::text[]) as q(queue)
  left join tasks t on t.queue = q.queue and t.state in ('pending', 'running')
 group by q.queue
 order by q.queue
