"""Paper: documents as pure functions, facts in and the bytes of a PDF out.

No clock and no database are in the drawing: the same facts give the same bytes, today and in ten
years, in this process and in another. What was issued, and what is a copy, is `issuing`'s business.
"""
