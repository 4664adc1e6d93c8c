{{ config(
    indexes=[
        {'columns': ['shop_id', 'customer_id'], 'unique': true},
        {'columns': ['shop_id', 'profile_id']},
    ]
) }}
{#-
  Records that share an identifier, directly or through others, are one person. `seniority` numbers a
  shop's records from the oldest. Every record sends its number along the links, but only to younger
  records: the oldest of a group still reaches all of it, and UNION ends the walk where links go round.
-#}
with recursive customers as (
    select
        shop_id,
        customer_id,
        row_number() over (
            partition by shop_id order by created_at nulls last, customer_id
        ) as seniority
    from {{ ref('stg_customers') }}
),

shared as (
    select
        identifiers.*,
        customers.seniority,
        min(customers.seniority) over holders as senior_holder,
        count(*) over holders as holders
    from {{ ref('identifiers') }} as identifiers
    inner join customers using (shop_id, customer_id)
    left join {{ ref('ignored_identifiers') }} as ignored using (shop_id, kind, identifier)
    where ignored.identifier is null
    window holders as (partition by identifiers.shop_id, identifiers.kind, identifiers.identifier)
),

-- All holders of an identifier meet at the oldest one: n links instead of n * n.
links as (
    select shop_id, seniority as one, senior_holder as other
    from shared where seniority <> senior_holder
    union
    select shop_id, senior_holder, seniority
    from shared where seniority <> senior_holder
),

walk as (
    select shop_id, one as origin, one as reached from links
    union
    select walk.shop_id, walk.origin, links.other
    from walk
    inner join links on links.shop_id = walk.shop_id and links.one = walk.reached
    where links.other > walk.origin
),

groups as (
    select shop_id, reached as seniority, min(origin) as oldest from walk group by shop_id, reached
),

-- The strongest thing that a record has in common with another one.
rules as (
    select
        shop_id,
        customer_id,
        (array_agg(kind order by array_position(
            array['customer', 'email', 'phone', 'loyalty'], kind
        )))[1] as kind
    from shared
    where holders > 1
    group by shop_id, customer_id
)

select
    customers.shop_id,
    customers.customer_id,
    -- built from the oldest record, so it stays when younger records join or leave
    md5(concat_ws(chr(31), customers.shop_id, oldest.customer_id)) as profile_id,
    oldest.customer_id as oldest_customer_id,
    coalesce(replace(rules.kind, 'customer', 'merge'), 'alone') as rule
from customers
left join groups
    on groups.shop_id = customers.shop_id and groups.seniority = customers.seniority
inner join customers as oldest
    on
        oldest.shop_id = customers.shop_id
        and oldest.seniority = coalesce(groups.oldest, customers.seniority)
left join rules
    on rules.shop_id = customers.shop_id and rules.customer_id = customers.customer_id
