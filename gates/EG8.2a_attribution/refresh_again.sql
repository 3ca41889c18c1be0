drop function matviews.refresh(name);
alter function matviews.refresh_set_aside(name) rename to refresh;
