"""The company's side: claws enrol, facts flow in, policy and budgets come out."""
