-- What is left of a charge is asked by charge: credit notes are looked up by the line they take back.
create index credit_line_of_charge on credit_line (charge_id);
