{#- What `shopcrm status` prints: one line for each number, in the words of the shop. -#}
with profiles as (
    select * from {{ ref('profiles') }} where is_active
),

people as (
    select
        shop_id,
        count(*) as known,
        count(*) filter (where visits > 0) as buyers,
        count(*) filter (where email_marketing_allowed) as by_email,
        count(*) filter (where sms_marketing_allowed) as by_sms,
        count(*) filter (where profiling_allowed) as profiled
    from profiles
    group by shop_id
),

segments as (
    select shop_id, segment, count(*) as customers from {{ ref('rfm') }} group by shop_id, segment
),

occasions as (
    select shop_id, journey, profile_id, bool_or(allowed) as allowed
    from {{ ref('due') }}
    group by shop_id, journey, profile_id, occasion_on
),

journeys as (
    select
        shops.shop_id,
        wording.label,
        wording.place,
        count(*) filter (where occasions.allowed) as allowed,
        count(*) filter (where not occasions.allowed) as denied
    from {{ ref('stg_shops') }} as shops
    cross join (
        values
        ('first_purchase_thank_you', 'Thank-you for a first purchase', 30),
        ('win_back', 'Invitation to come back', 32)
    ) as wording (journey, label, place)
    left join occasions
        on occasions.shop_id = shops.shop_id and occasions.journey = wording.journey
    group by shops.shop_id, wording.label, wording.place
),

sales as (
    select shop_id, sum(orders) as orders, sum(anonymous_orders) as anonymous
    from {{ ref('daily_sales') }}
    group by shop_id
),

lines as (
    select people.shop_id, line.*
    from people
    cross join lateral (
        values
        ('profiles', 'People known to the shop', known, 10),
        ('profiles', 'of them with a purchase', buyers, 11),
        ('profiles', 'who may get e-mail offers', by_email, 12),
        ('profiles', 'who may get text message offers', by_sms, 13),
        ('profiles', 'who agreed to a personal profile', profiled, 14)
    ) as line (topic, label, value, position)
    union all
    select shop_id, 'segments', segment, customers, array_position(
        array[
            'Champions', 'Loyal', 'Promising', 'New', 'Occasional',
            'Needs attention', 'At risk', 'Lost'
        ], segment
    ) + 19 from segments
    union all
    select shop_id, 'journeys due today', label || ': may be sent', allowed, place from journeys
    union all
    select shop_id, 'journeys due today', label || ': no permission', denied, place + 1 from journeys
    union all
    select shop_id, 'repeat business', 'Customers who came back, percent',
        round(100 * repeat_rate, 1), 40
    from {{ ref('repeat_business') }}
    union all
    select shop_id, 'repeat business', 'Days until the second purchase, typically',
        median_days_to_second_order, 41
    from {{ ref('repeat_business') }} where median_days_to_second_order is not null
    union all
    select shop_id, 'repeat business', 'Baskets without a name, percent',
        round(100 * anonymous / nullif(orders, 0), 1), 42
    from sales where orders > 0
)

select shop_id, topic, label, value::numeric as value, position::int as position from lines
