"""Tables: columns only, no behaviour. Constraints that Piccolo has no words for are in `crm/migrations`."""
