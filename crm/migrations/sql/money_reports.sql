-- What reports on money read: a charge's fee of a whole year, and bookings in the order of reports.

-- The yearly fee that a line was a part of, by its own explanation (cluster_rules/explanations.py, fees.as_billed): the
-- steps up to the first that divides it. Null: it is no own recurring fee (of a link, given back). A line whose
-- explanation says nothing is taken by its days. What is billed for more than a year is one year's part of it.
create function charge_yearly(net bigint, starts_on date, ends_on date, steps jsonb) returns bigint
    language plpgsql immutable parallel safe as $$
declare
    step jsonb;
    v jsonb;
    fee numeric;
    divided boolean := false;
    days int := ends_on - starts_on;
begin
    if net <= 0 then
        return null;
    end if;
    for step in select value from jsonb_array_elements(case jsonb_typeof(steps) when 'array' then steps else '[]' end) loop
        v := step -> 'values';
        case step ->> 'code'
            when 'fixed', 'band', 'case', 'agreed', 'work' then
                fee := case when divided then fee else coalesce((v ->> 'amount')::numeric, 0) end;
            when 'percentage' then
                fee := greatest(round((v ->> 'of')::numeric * (v ->> 'basis_points')::numeric / 10000),
                    coalesce((v ->> 'floor')::numeric, 0));
                if coalesce((v ->> 'cap')::numeric, 0) > 0 then
                    fee := least(fee, (v ->> 'cap')::numeric);
                end if;
            when 'hours_as_money' then fee := (v ->> 'hours')::numeric * (v ->> 'value')::numeric;
            when 'hours_as_work' then fee := 0;
            when 'discount_percent' then
                fee := case when divided then fee else fee - round(fee * (v ->> 'percent')::numeric / 100) end;
            when 'discount_amount' then
                fee := case when divided then fee else greatest(0, fee - (v ->> 'amount')::numeric) end;
            when 'link_percent' then return null;
            when 'half_of_year', 'prorated_days', 'prorated_months', 'prorated_half_year', 'prorated_joining_half',
                'prorated_free', 'earlier_days', 'unused_days', 'used_days', 'withdrawn', 'credited_before', 'all_of_it' then
                divided := true;
            else
                fee := null;
                exit;
        end case;
    end loop;
    if fee is null then
        return case when days is null or days between 360 and 371 then net else round(net * 365.0 / days) end;
    end if;
    return case when days > 371 and not divided then round(fee * 365.0 / days) else fee end;
end
$$;
alter table charge add column yearly bigint generated always as (charge_yearly(net, starts_on, ends_on, steps)) stored;
create index charge_fees on charge (membership_id, starts_on desc)
    include (component, grant_id, ends_on, currency, yearly, recorded_at) where yearly > 0;
create index charge_given_back on charge (grant_id, component, starts_on) where net < 0;
