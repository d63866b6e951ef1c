-- Makes the databases and who may use them, as the administrator of the server. The passwords come from the environment, so that they stand in no
-- file, no command line and no history.
\getenv dev DEV_PASSWORD
\getenv prod PROD_PASSWORD
CREATE ROLE webapp_dev LOGIN PASSWORD :'dev';
CREATE ROLE webapp_prod LOGIN PASSWORD :'prod';
CREATE DATABASE webapp_dev OWNER webapp_dev;
CREATE DATABASE webapp_prod OWNER webapp_prod;
