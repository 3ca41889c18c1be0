-- Depth of every queue, a row also for one with nothing in it.
select q.queue,
       (select count(*)::int from tasks t where t.queue = q.queue and t.state in ('pending', 'running')) as depth
  from unnest(:queues::text[]) as q(queue)
 order by q.queue
