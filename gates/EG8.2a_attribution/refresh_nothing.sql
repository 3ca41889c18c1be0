-- What refreshes a view is set aside, and something stands in its place that does nothing and says it is done.
alter function matviews.refresh(name) rename to refresh_set_aside;
create function matviews.refresh(p_name name) returns void language sql as 'select';
