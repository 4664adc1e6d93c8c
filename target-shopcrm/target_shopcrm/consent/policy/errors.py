"""What can be wrong with a policy."""


class PolicyError(Exception):
    """The policy file can't be used. The message says where, why, and what to do."""
