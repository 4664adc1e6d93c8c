{{ config(indexes=[{'columns': ['shop_id', 'profile_id'], 'unique': true}]) }}
{#-
  The gate's answers for the addresses a profile is reached at; no answer is a denial. Profiling is about
  the person, so it follows the gate's rule for a person: at least one address granted it and none has
  withdrawn it. Here that counts every address of every live record of the profile.
-#}
with details as (
    select * from {{ ref('contact_details') }}
),

answers as (
    select
        verdicts.shop_id,
        verdicts.channel,
        verdicts.address,
        verdicts.purpose,
        verdicts.allowed and coalesce(verdicts.valid_until > shops.as_of, true) as allowed,
        case
            when verdicts.allowed and verdicts.valid_until <= shops.as_of then 'expired'
            else verdicts.reason
        end as reason
    from {{ source('consent', 'verdicts') }} as verdicts
    inner join {{ ref('stg_shops') }} as shops on shops.shop_id = verdicts.shop_id
),

-- Who withdrew profiling, or contradicts themselves, on any address.
objections as (
    select distinct owners.shop_id, owners.profile_id
    from {{ ref('customer_profiles') }} as owners
    inner join {{ ref('identifiers') }} as identifiers using (shop_id, customer_id)
    inner join answers
        on
            answers.shop_id = identifiers.shop_id
            and answers.address = identifiers.identifier
            and (answers.channel, identifiers.kind) in (('email', 'email'), ('sms', 'phone'))
    where answers.purpose = 'profiling' and answers.reason in ('withdrawn', 'conflict')
)

select
    details.shop_id,
    details.profile_id,

    coalesce(email_marketing.allowed, false) as email_marketing_allowed,
    {{ reason_for('details.email', 'email_marketing') }} as email_marketing_reason,

    coalesce(sms_marketing.allowed, false) as sms_marketing_allowed,
    {{ reason_for('details.phone', 'sms_marketing') }} as sms_marketing_reason,

    granted.on_any_address and objections.profile_id is null as profiling_allowed,
    case
        when granted.on_any_address and objections.profile_id is not null then 'conflict'
        when details.email is null or (granted.on_any_address and not granted.by_email)
            then {{ reason_for('details.phone', 'sms_profiling') }}
        else {{ reason_for('details.email', 'email_profiling') }}
    end as profiling_reason
from details
{% for channel, address in [('email', 'email'), ('sms', 'phone')] -%}
{% for purpose in ['marketing', 'profiling'] -%}
left join answers as {{ channel }}_{{ purpose }}
    on
        {{ channel }}_{{ purpose }}.shop_id = details.shop_id
        and {{ channel }}_{{ purpose }}.channel = '{{ channel }}'
        and {{ channel }}_{{ purpose }}.address = details.{{ address }}
        and {{ channel }}_{{ purpose }}.purpose = '{{ purpose }}'
{% endfor -%}
{% endfor -%}
left join objections
    on objections.shop_id = details.shop_id and objections.profile_id = details.profile_id
cross join lateral (
    select
        coalesce(email_profiling.allowed, false) as by_email,
        coalesce(email_profiling.allowed, false) or coalesce(sms_profiling.allowed, false)
            as on_any_address
) as granted
