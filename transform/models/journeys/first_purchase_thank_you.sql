{#- One occasion in a life: the first visit. A late, older order moves it and never doubles it. -#}
with profiles as (
    select * from {{ ref('profiles') }} where is_active and visits > 0
)

select
    shop_id,
    profile_id,
    'first_purchase_thank_you' as journey,
    first_visit_on as occasion_on,
    first_visit_on + {{ var('thank_you_after_days') }} as due_on,
    first_visit_on + {{ var('thank_you_after_days') + var('thank_you_open_days') }} as closes_on
from profiles
