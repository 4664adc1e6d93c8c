{{ config(indexes=[{'columns': ['shop_id', 'profile_id'], 'unique': true}]) }}
-- An address that too many records hold is the shop's habit, not a way to reach this person.
with customers as (
    select
        customers.*,
        case when shared_email.identifier is null then customers.email_normalised end as email,
        case when shared_phone.identifier is null then customers.phone_e164 end as phone
    from {{ ref('stg_customers') }} as customers
    left join {{ ref('ignored_identifiers') }} as shared_email
        on
            shared_email.shop_id = customers.shop_id
            and shared_email.kind = 'email'
            and shared_email.identifier = customers.email_normalised
    left join {{ ref('ignored_identifiers') }} as shared_phone
        on
            shared_phone.shop_id = customers.shop_id
            and shared_phone.kind = 'phone'
            and shared_phone.identifier = customers.phone_e164
),

owners as (
    select * from {{ ref('customer_profiles') }}
),

accounts as (
    select owners.shop_id, owners.profile_id, sum(accounts.balance)::bigint as loyalty_balance
    from {{ ref('stg_loyalty_accounts') }} as accounts
    inner join owners using (shop_id, customer_id)
    group by owners.shop_id, owners.profile_id
),

details as (
    select
        owners.shop_id,
        owners.profile_id,
        {{ latest('given_name') }} as given_name,
        {{ latest('family_name') }} as family_name,
        {{ latest('email') }} as email,
        {{ latest('phone') }} as phone,
        {{ latest('birthday') }} as birthday,
        bool_or(customers.is_live) as is_active,
        count(*) as customer_records
    from owners
    inner join customers using (shop_id, customer_id)
    group by owners.shop_id, owners.profile_id
)

select details.*, accounts.loyalty_balance
from details
left join accounts using (shop_id, profile_id)
