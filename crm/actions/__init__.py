"""Use cases. One public function = one use case = one transaction; actions do not call actions."""
