"""The clinical part of the shop as HL7 FHIR R4 (4.0.1), to read: what we hold, in the words of the
field.

Pure functions make a resource of a row (`medication_requests.py`, `tasks.py`, …); `queries.py`
finds the rows through the reader; `resources.py` says what there is and by what it can be
searched.
"""
