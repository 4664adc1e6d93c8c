{#-
  What is due and still open today, for each channel with the gate's answer. The key names the occasion,
  not the day: a journey stays the same row while it is open, so whoever reads this acts on it once.
-#}
with journeys as (
    select * from {{ ref('first_purchase_thank_you') }}
    union all
    select * from {{ ref('win_back') }}
),

still_open as (
    select journeys.*
    from journeys
    inner join {{ ref('stg_shops') }} as shops on shops.shop_id = journeys.shop_id
    where shops.today between journeys.due_on and journeys.closes_on
)

select
    still_open.shop_id,
    still_open.profile_id,
    still_open.journey,
    still_open.occasion_on,
    still_open.due_on,
    still_open.closes_on,
    answer.channel,
    answer.allowed,
    answer.reason
from still_open
inner join {{ ref('permissions') }} as permissions
    on permissions.shop_id = still_open.shop_id and permissions.profile_id = still_open.profile_id
cross join lateral (
    values
    ('email', permissions.email_marketing_allowed, permissions.email_marketing_reason),
    ('sms', permissions.sms_marketing_allowed, permissions.sms_marketing_reason)
) as answer (channel, allowed, reason)
