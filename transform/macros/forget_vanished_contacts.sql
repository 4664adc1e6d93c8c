{#- Who was erased, or merged into another profile, is no contact any more. -#}
{% macro forget_vanished_contacts() -%}
    delete from {{ this }} as sent
    where not exists (
        select 1 from {{ ref('current_contacts') }} as current_contacts
        where
            current_contacts.shop_id = sent.shop_id
            and current_contacts.contact_id = sent.contact_id
    )
{%- endmacro %}
