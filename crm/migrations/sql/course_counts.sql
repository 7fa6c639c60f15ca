-- Renewals and cohorts of a million memberships are counted from these alone (ADR 0052): equal entries are stored once,
-- so each is a fiftieth of the table, and what is equal lies together and is counted without a hash.
create index course_joiners on membership_course (network_id, first_on, joined_on, left_on, number) where closes;
create index course_due on membership_course
    (network_id, tier, kind, own_joined_on, own_left_on, own_next_on, own_number) where own_closes and kind is not null;
-- Whose organisation has been of several kinds is looked up one by one.
create index course_due_of_several_kinds on membership_course (network_id) where own_closes and kind is null;
drop statistics course_years;
