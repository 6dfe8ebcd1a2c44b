"""`posthorn doctor`: looks at a deployment as the operator's shell sees it, and says what is wrong and what mends it.

Each check has a file in `checks` (facts, and a pure judgement of them) and one in `gathering` (the facts, from the
servers as they are). It belongs to no service and imports what they offer; it changes nothing anywhere.
"""
