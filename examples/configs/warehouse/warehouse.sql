-- A small warehouse to try the example with:
--   python -c "import sqlite3; sqlite3.connect('warehouse.db').executescript(open('warehouse.sql').read())"

CREATE TABLE accounts (
  name TEXT, region TEXT, seats INTEGER, arr REAL, renews_on TEXT, stage TEXT, owner TEXT, churned INTEGER
);
INSERT INTO accounts VALUES
  ('Northwind Robotics', 'EMEA', 120, 48000.5, '2027-03-31', 'Adopting', 'ada.abbott@vendor.example', 0),
  ('Harbor Robotics', 'EMEA', 40, 16000, '2027-01-31', 'Launched', 'hugo.novak@vendor.example', 0),
  ('Lumen Robotics', 'APAC', 75, 30000, NULL, 'Kicked Off', 'ada.abbott@vendor.example', 0),
  ('Violet Logistics', 'AMER', 15, 6000, '2026-12-31', 'New Customer', 'hugo.novak@vendor.example', 0),
  ('Gone Industries', 'AMER', 0, 0, NULL, 'Churn', NULL, 1);

CREATE TABLE users (
  email TEXT, first_name TEXT, last_name TEXT, country TEXT, newsletter INTEGER, last_seen TEXT, account TEXT, title TEXT,
  products TEXT, deleted INTEGER
);
INSERT INTO users VALUES
  ('Zoe.Quill@northwind.example', 'Zoe', 'Quill', 'Germany', 1, '2026-11-20 09:30:00', 'Northwind Robotics', 'Head of Data',
   'Analytics;Mobile', 0),
  ('omar.stone@harbor.example', 'Omar', 'Stone', NULL, 0, '2026-11-21 17:05:00', 'Harbor Robotics', 'Engineer', 'Connect', 0),
  ('li.wen@lumen.example', 'Li', 'Wen', 'Singapore', 1, NULL, 'Lumen Robotics', NULL, NULL, 0),
  ('sam.reed@violet.example', 'Sam', 'Reed', 'Canada', 0, '2026-10-02 12:00:00', 'Violet Logistics', 'Buyer', 'Insights', 0),
  ('left@violet.example', 'Lea', 'Left', 'Canada', 0, NULL, 'Violet Logistics', 'Buyer', NULL, 1);

CREATE TABLE contract_contacts (email TEXT, account TEXT, contract TEXT, role TEXT);
INSERT INTO contract_contacts VALUES
  ('Zoe.Quill@northwind.example', 'Northwind Robotics', 'Northwind Robotics Subscription', 'Decision Maker'),
  ('omar.stone@harbor.example', 'Harbor Robotics', 'Harbor Robotics Services', 'User');

CREATE TABLE projects (
  id TEXT, account TEXT, title TEXT, phase TEXT, owner TEXT, goes_live TEXT, hours REAL, blocked INTEGER, notes TEXT
);
INSERT INTO projects VALUES
  ('P-0007', 'Northwind Robotics', 'Rollout 2027', 'In Progress', 'ada.abbott@vendor.example', '2027-02-01', 12.5, 0, NULL),
  ('P-0008', 'Violet Logistics', 'Pilot', 'Planned', 'hugo.novak@vendor.example', NULL, 0, 1, 'waits for the contract');
