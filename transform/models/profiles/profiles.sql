{{ config(indexes=[{'columns': ['shop_id', 'profile_id'], 'unique': true}]) }}

with details as (
    select * from {{ ref('contact_details') }}
),

permissions as (
    select * from {{ ref('permissions') }}
),

history as (
    select
        orders.shop_id,
        orders.profile_id,
        count(*) filter (where orders.is_visit) as visits,
        count(distinct orders.business_date) filter (where orders.is_visit) as visit_days,
        min(orders.business_date) filter (where orders.is_visit) as first_visit_on,
        max(orders.business_date) filter (where orders.is_visit) as last_visit_on,
        mode() within group (order by orders.location_id)
            filter (where orders.is_visit) as preferred_location_id,
        count(*) filter (where orders.return_lines > 0) as returns,
        -- one currency only: amounts of several can't be added up
        coalesce(sum(orders.sale_net) filter (where own_currency.yes), 0)::bigint as sold,
        coalesce(sum(orders.return_net) filter (where own_currency.yes), 0)::bigint as returned,
        percentile_disc(0.5) within group (order by orders.sale_net)
            filter (where orders.is_visit and own_currency.yes) as median_basket
    from {{ ref('profile_orders') }} as orders
    inner join {{ ref('stg_shops') }} as shops on shops.shop_id = orders.shop_id
    cross join lateral (select orders.currency = shops.currency as yes) as own_currency
    group by orders.shop_id, orders.profile_id
),

favourites as (
    select shop_id, profile_id, jsonb_agg(category order by place) as categories
    from {{ ref('favourite_categories') }}
    group by shop_id, profile_id
)

select
    ---------- ids
    details.shop_id,
    details.profile_id,
    ---------- contact
    details.given_name,
    details.family_name,
    details.email,
    details.phone,
    details.is_active,
    details.customer_records,
    details.loyalty_balance,
    ---------- the books: what the shop knows from its own sales (minor units)
    coalesce(history.visits, 0) as visits,
    history.first_visit_on,
    history.last_visit_on,
    shops.currency,
    coalesce(history.sold + history.returned, 0) as lifetime_net,
    coalesce(history.returns, 0) as returns,
    round(-history.returned::numeric / nullif(history.sold, 0), 4) as returned_share,
    ---------- permissions
    permissions.email_marketing_allowed,
    permissions.email_marketing_reason,
    permissions.sms_marketing_allowed,
    permissions.sms_marketing_reason,
    permissions.profiling_allowed,
    permissions.profiling_reason,
    ---------- about the person: only with permission
    case when permissions.profiling_allowed then details.birthday end as birthday,
    case when permissions.profiling_allowed then history.median_basket end as typical_spend,
    case when permissions.profiling_allowed then favourites.categories end as favourite_categories,
    case when permissions.profiling_allowed then history.preferred_location_id end
        as preferred_location_id,
    case when permissions.profiling_allowed and history.visit_days > 1 then round(
        (history.last_visit_on - history.first_visit_on)::numeric / (history.visit_days - 1), 1
    ) end as usual_gap_days
from details
inner join permissions using (shop_id, profile_id)
inner join {{ ref('stg_shops') }} as shops on shops.shop_id = details.shop_id
left join history
    on history.shop_id = details.shop_id and history.profile_id = details.profile_id
left join favourites
    on favourites.shop_id = details.shop_id and favourites.profile_id = details.profile_id
