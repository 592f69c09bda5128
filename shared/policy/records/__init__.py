"""How often runbooks ran, and how often a machine found that they had helped."""
