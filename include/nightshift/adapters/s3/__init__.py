"""Everything that is kept in S3. The only package that imports boto3."""
