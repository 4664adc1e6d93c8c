{#-
  One occasion for each absence, named by the visit it began with: while the customer stays away the
  due day stands still, and a visit ends the occasion.
-#}
with profiles as (
    select *, {{ missed_after_days('profiles') }} as missed_after_days
    from {{ ref('profiles') }} as profiles
    where is_active and visits > 0
)

select
    shop_id,
    profile_id,
    'win_back' as journey,
    last_visit_on as occasion_on,
    last_visit_on + missed_after_days as due_on,
    last_visit_on + missed_after_days + {{ var('win_back_open_days') }} as closes_on
from profiles
