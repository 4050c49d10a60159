"""Times and days wherever a page does not choose: in the admin, as its lists write them."""

DATETIME_FORMAT = "Y-m-d H:i T"
DATE_FORMAT = "Y-m-d"
