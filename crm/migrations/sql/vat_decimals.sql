-- Rates of VAT that are no whole percents: as many decimals as they are written with, two at most.
alter table charge drop constraint charge_vat,
    add constraint charge_vat check (vat_percent between 0 and 100 and scale(vat_percent) <= 2);
