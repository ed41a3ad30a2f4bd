-- A decision names the request, and not whose it is.
CREATE INDEX exchanges_of_request ON exchanges (org_id, request_id);
